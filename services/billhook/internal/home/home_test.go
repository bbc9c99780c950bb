package home_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/billhook/billhook/services/billhook/internal/home"
	"github.com/billhook/billhook/shared/secret"
)

func open(t *testing.T, dir string) *home.Home {
	t.Helper()
	h, err := home.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func TestAFolderIsOpenedByOneAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first := open(t, dir)
	if _, err := home.Open(dir); !errors.Is(err, home.ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	first.Close()
	open(t, dir)
}

func TestAtMakesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := home.At(dir).Password(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the folder was made")
	}
}

func TestSecretsAreMadeOnceForTheirOwnerOnly(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"))
	if h.HasKey() {
		t.Error("a new folder has a key")
	}
	password, err := h.MakePassword(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.MakePassword(rand.Reader); err != nil || again.Reveal() != password.Reveal() {
		t.Errorf("the password changed: %v", err)
	}
	keys := makeKey(t, h)
	if again := makeKey(t, h); again[0].ID() != keys[0].ID() || len(again) != 1 {
		t.Errorf("the key changed")
	}
	if !h.HasKey() {
		t.Error("the key was not kept")
	}
	for _, file := range []string{h.KeyFile(), filepath.Join(filepath.Dir(h.KeyFile()), "operator.password")} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(file), info, err)
		}
	}
}

func makeKey(t *testing.T, h *home.Home) []secret.Key {
	t.Helper()
	if err := h.MakeKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	keys, err := h.Keys()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestKeysAreChangedByOneAtATime(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"))
	unlock, err := h.LockKeys()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.LockKeys(); !errors.Is(err, home.ErrKeysChange) {
		t.Errorf("locked twice: %v", err)
	}
	unlock()
	if unlock, err = h.LockKeys(); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestAnEmptyPasswordFileLetsNobodyIn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "operator.password"), []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if password, err := home.At(dir).MakePassword(rand.Reader); err == nil {
		t.Errorf("a password of %d characters is taken", len(password.Reveal()))
	}
}

func TestALostKeyIsNotReplaced(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"))
	if err := os.Mkdir(h.Store(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := h.MakeKey(rand.Reader); !errors.Is(err, home.ErrKeyLost) {
		t.Errorf("%v", err)
	}
	if h.HasKey() {
		t.Error("a key was made that opens nothing")
	}
}

func TestADiskIsNearlyFullWhenLittleIsLeftByItselfAndOfTheWhole(t *testing.T) {
	const gib = 1 << 30
	for d, want := range map[home.Disk]bool{
		{Free: gib / 2, Total: 4 * gib}:     true,
		{Free: 3 * gib, Total: 4 * gib}:     false,
		{Free: 4 * gib, Total: 100 * gib}:   true,
		{Free: 6 * gib, Total: 100 * gib}:   false,
		{Free: 30 * gib, Total: 4000 * gib}: false,
	} {
		if got := d.NearlyFull(); got != want {
			t.Errorf("%+v: %t", d, got)
		}
	}
	h := open(t, filepath.Join(t.TempDir(), "data"))
	if err := os.Mkdir(h.Store(), 0o700); err != nil {
		t.Fatal(err)
	}
	if d, err := h.Disk(); err != nil || d.Total == 0 || d.Free > d.Total {
		t.Errorf("%+v, %v", d, err)
	}
}
