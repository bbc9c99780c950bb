package command_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/secret"
)

// TestWhatRunsTakesTheNewKeyWithoutARestart rotates the sealing key under a
// running Billhook and drops the former one; then deliveries need every secret
// that there is. Each rotation seals what the one before sealed.
func TestWhatRunsTakesTheNewKeyWithoutARestart(t *testing.T) {
	given := filepath.Join(t.TempDir(), "keys")
	for name, way := range map[string]struct {
		settings []string
		rotate   func(*testing.T, *app)
	}{
		"data folder": {nil, func(t *testing.T, a *app) {
			a.must(t, "", "secrets", "rotate")
			a.must(t, "", "secrets", "drop")
		}},
		"given file": {[]string{"SECRET_KEY_FILE=" + given}, func(t *testing.T, a *app) {
			former := prepend(t, given)
			a.must(t, "", "secrets", "reseal")
			takeAway(t, given, former)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			prepend(t, given)
			ends := openEnds(t)
			ends.takes.Store(true)
			a := start(t, append(ends.settings, way.settings...)...)
			a.must(t, canaryMail, "apply", "-f", "-")
			a.must(t, ends.partner.document(), "apply", "-f", "-")
			for range 2 {
				way.rotate(t, a)
				a.must(t, "", "publish", "--owner", "acme", "--type", "bill_run.started", "--set", "BillRun.Id=BR-1")
				ends.delivered(t)
			}
		})
	}
}

// prepend puts a new key before those of a file, which it makes where there is
// none, and returns what the file held.
func prepend(t *testing.T, path string) (former string) {
	t.Helper()
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	replace(t, path, key.Reveal()+"\n"+string(b))
	return string(b)
}

// takeAway removes the former keys from the end of a file.
func takeAway(t *testing.T, path, former string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, path, strings.TrimSuffix(string(b), former))
}

// replace writes a file whole or not at all, since others read it.
func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path+".next", []byte(text), 0o600), os.Rename(path+".next", path)); err != nil {
		t.Fatal(err)
	}
}

// delivered waits until the partner got what only opened secrets make.
func (e *ends) delivered(t *testing.T) {
	t.Helper()
	late := time.After(2 * time.Minute)
	wanted := map[string]bool{"Bearer " + tokenCanary: true, lineCanary: true, "certificate of billing": true, "BR-": true}
	for len(wanted) > 0 {
		select {
		case sent := <-e.partner.flown:
			for text := range wanted {
				if strings.Contains(sent, text) {
					delete(wanted, text)
				}
			}
		case <-late:
			t.Fatalf("not delivered: %v", wanted)
		}
	}
}
