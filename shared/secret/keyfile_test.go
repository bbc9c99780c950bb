package secret_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/billhook/billhook/shared/secret"
)

func TestAKeyIsBase64OfExactly32Bytes(t *testing.T) {
	good := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32))
	k, err := secret.ParseKey(good)
	if err != nil || k.Reveal() != good {
		t.Fatalf("ParseKey(%q) = %v", good, err)
	}
	for name, s := range map[string]string{
		"empty":        "",
		"31 bytes":     base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"33 bytes":     base64.StdEncoding.EncodeToString(make([]byte, 33)),
		"no padding":   strings.TrimRight(good, "="),
		"url alphabet": base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32)),
		"line end":     good + "\n",
		"stray bits":   good[:42] + "9=",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := secret.ParseKey(s); err == nil {
				t.Errorf("ParseKey(%q) was accepted", s)
			} else if s != "" && strings.Contains(err.Error(), s) {
				t.Errorf("the error reveals the text: %v", err)
			}
		})
	}
}

func TestTooLittleRandomnessGivesNoKey(t *testing.T) {
	if _, err := secret.GenerateKey(strings.NewReader("short")); err == nil {
		t.Error("a key was made of 5 bytes")
	}
}

func TestFirstUseMakesAKeyFileForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	src := secret.Source{File: path, Rand: rand.Reader}
	first, err := secret.LoadKeys(src)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := secret.LoadKeys(src)
	if err != nil || again[0].ID() != first[0].ID() {
		t.Errorf("second use: %v, another key: %v", err, again[0].ID() != first[0].ID())
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestProcessesThatMakeTheKeyAtOnceUseTheSameOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			keys, err := secret.LoadKeys(secret.Source{File: path, Rand: rand.Reader})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keys[0].ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("different keys: %v", ids)
		}
	}
}

func TestAnExposedKeyFileIsRefused(t *testing.T) {
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o620, 0o602, 0o666, 0o610} {
		path := filepath.Join(t.TempDir(), "sealing.key")
		if err := os.WriteFile(path, []byte(newKey(t).Reveal()), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.ReadKeys(path); !errors.Is(err, secret.ErrExposed) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
}

func TestAKeyFileHoldsTheSealingKeyFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sealing.key")
	newer, older := newKey(t), newKey(t)
	if err := os.WriteFile(path, []byte(newer.Reveal()+"\n"+older.Reveal()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := secret.ReadKeys(path)
	if err != nil || len(keys) != 2 || keys[0].ID() != newer.ID() || keys[1].ID() != older.ID() {
		t.Errorf("ReadKeys = %v, %v", keys, err)
	}
}

func TestAValueGoesBeforeAFile(t *testing.T) {
	k := newKey(t)
	keys, err := secret.LoadKeys(secret.Source{Value: secret.NewText(k.Reveal()), File: "does-not-exist", Rand: rand.Reader})
	if err != nil || keys[0].ID() != k.ID() {
		t.Errorf("LoadKeys = %v, %v", keys, err)
	}
}

func TestMissingOrBrokenKeysAreRefused(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.key")
	if err := os.WriteFile(broken, []byte("not a key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]secret.Source{
		"nothing given":                     {},
		"file missing and none may be made": {File: filepath.Join(dir, "missing")},
		"folder missing":                    {File: filepath.Join(dir, "missing", "key"), Rand: rand.Reader},
		"file is a folder":                  {File: dir, Rand: rand.Reader},
		"file broken":                       {File: broken, Rand: rand.Reader},
		"value broken":                      {Value: secret.NewText("x")},
		"value of separators only":          {Value: secret.NewText(" , ")},
		"no randomness left":                {File: filepath.Join(dir, "new"), Rand: strings.NewReader("")},
	} {
		t.Run(name, func(t *testing.T) {
			if keys, err := secret.LoadKeys(src); err == nil {
				t.Errorf("LoadKeys = %v", keys)
			}
		})
	}
}

func TestAKeyFileIsReplacedWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sealing.key")
	keys := []secret.Key{newKey(t), newKey(t)}
	if err := secret.WriteKeys(path, keys); err != nil {
		t.Fatal(err)
	}
	many := make([]secret.Key, 200)
	for i := range many {
		many[i] = newKey(t)
	}
	for name, refused := range map[string][]secret.Key{"none": nil, "more than are read again": many} {
		if err := secret.WriteKeys(path, refused); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	got, err := secret.ReadKeys(path)
	if err != nil || len(got) != 2 || got[0].ID() != keys[0].ID() || got[1].ID() != keys[1].ID() {
		t.Errorf("ReadKeys = %v, %v", got, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
