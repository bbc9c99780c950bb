// Package secrettest makes sealers for tests. It refuses to be used for anything
// else: its keys are kept nowhere.
package secrettest

import (
	"crypto/rand"
	"testing"

	"github.com/billhook/billhook/shared/secret"
)

// Sealer returns a sealer with a key of its own.
func Sealer(t testing.TB) *secret.Sealer {
	t.Helper()
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := secret.NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
