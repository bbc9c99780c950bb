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
	keys, err := h.Keys(secret.Text{}, rand.Reader)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	if again, err := h.Keys(secret.Text{}, nil); err != nil || home.JoinKeys(again).Reveal() != home.JoinKeys(keys).Reveal() {
		t.Errorf("the key changed: %v", err)
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

func TestAGivenKeyGoesBeforeTheFile(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "data"))
	given, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := h.Keys(secret.NewText(given.Reveal()), rand.Reader)
	if err != nil || len(keys) != 1 || keys[0].Reveal() != given.Reveal() {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if h.HasKey() {
		t.Error("a file was made although a key was given")
	}
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
	if _, err := h.Keys(secret.Text{}, rand.Reader); !errors.Is(err, home.ErrKeyLost) {
		t.Errorf("%v", err)
	}
	if h.HasKey() {
		t.Error("a key was made that opens nothing")
	}
}
