// Package home is the data folder of an all-in-one: the broker's streams, the
// sealing key, and the operator's password by which the command line on the
// same machine gets in.
package home

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// Operator is the NATS user of the command line.
const Operator = "operator"

// Home is a data folder.
type Home struct {
	dir  string
	lock *os.File // nil unless opened
}

// Open makes the folder, readable by its owner only, when it is not there, and
// locks it: two brokers on one store would ruin it. The error is [ErrInUse]
// while another process has it open. Close must follow.
func Open(dir string) (*Home, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	f, err := lock(filepath.Join(dir, "lock"))
	if errors.Is(err, ErrInUse) {
		return nil, fault.New(fault.Conflict, "open data folder", dir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data folder: %w", err)
	}
	return &Home{dir: dir, lock: f}, nil
}

// ErrInUse is returned for a data folder that another process has open.
var ErrInUse = errors.New("another billhook runs on it: stop that one, or name another folder with --data")

var errEmpty = errors.New("the file is empty: remove it, and a new password is made")

// Close gives the folder to whoever opens it next.
func (h *Home) Close() {
	if h.lock != nil {
		_ = h.lock.Close() // the lock goes with it
	}
}

// At names a data folder without making or locking it.
func At(dir string) *Home { return &Home{dir: dir} }

// Store is where the broker keeps its streams.
func (h *Home) Store() string { return filepath.Join(h.dir, "nats") }

// KeyFile is where the sealing key is.
func (h *Home) KeyFile() string { return filepath.Join(h.dir, "secret.key") }

// HasKey reports whether the sealing key was made before.
func (h *Home) HasKey() bool {
	_, err := os.Stat(h.KeyFile())
	return err == nil
}

// HasStore reports whether the streams are here.
func (h *Home) HasStore() bool {
	_, err := os.Stat(h.Store())
	return err == nil
}

// ErrKeyLost is returned where there are streams but no sealing key: a new one
// would open none of the secrets in them.
var ErrKeyLost = errors.New("the folder holds streams but no key: put secret.key back from the backup, or give the key as SECRET_KEY")

// MakeKey makes the key file on first use, before there are any streams.
func (h *Home) MakeKey(rand io.Reader) error {
	if h.HasKey() {
		return nil
	}
	if h.HasStore() {
		return fault.New(fault.Invalid, "find the sealing key in", h.dir, ErrKeyLost)
	}
	_, err := secret.LoadKeys(secret.Source{File: h.KeyFile(), Rand: rand})
	return err
}

// Keys returns the sealing keys of the key file as they are now, the newest
// first.
func (h *Home) Keys() ([]secret.Key, error) { return secret.ReadKeys(h.KeyFile()) }

// ErrKeysChange is returned while another command changes the sealing keys.
var ErrKeysChange = errors.New("another command changes the sealing keys; wait for it to end")

// LockKeys keeps other commands from changing the sealing keys until the
// returned function is called.
func (h *Home) LockKeys() (unlock func(), err error) {
	f, err := lock(h.KeyFile() + ".lock")
	if errors.Is(err, ErrInUse) {
		return nil, fault.New(fault.Conflict, "change the sealing keys in", h.dir, ErrKeysChange)
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "change the sealing keys in", h.dir, err)
	}
	return func() { _ = f.Close() }, nil // the lock goes with it
}

// MakePassword returns the operator's password and makes it on first use.
func (h *Home) MakePassword(rand io.Reader) (secret.Text, error) {
	password, err := h.Password()
	if !errors.Is(err, fs.ErrNotExist) {
		return password, err
	}
	raw := make([]byte, 32)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return secret.Text{}, fmt.Errorf("make operator password: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(raw)
	if err := writeOnce(h.passwordFile(), text+"\n"); err != nil {
		return secret.Text{}, fmt.Errorf("make operator password: %w", err)
	}
	return secret.NewText(text), nil
}

// Password returns the operator's password; the error is fs.ErrNotExist where
// no all-in-one ever ran in this folder.
func (h *Home) Password() (secret.Text, error) {
	b, err := os.ReadFile(h.passwordFile())
	if err != nil {
		return secret.Text{}, fmt.Errorf("read operator password: %w", err)
	}
	text := strings.TrimSpace(string(b))
	if text == "" { // an empty password would let everybody in
		return secret.Text{}, fault.New(fault.Invalid, "read operator password", h.passwordFile(), errEmpty)
	}
	return secret.NewText(text), nil
}

func (h *Home) passwordFile() string { return filepath.Join(h.dir, "operator.password") }

// writeOnce writes a new file that only its owner may read, whole or not at
// all.
func writeOnce(path, text string) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
