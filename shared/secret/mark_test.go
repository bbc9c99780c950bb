package secret_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/billhook/billhook/shared/secret"
)

func TestAMarkTellsEqualFromOtherAndNothingElse(t *testing.T) {
	first, second := newKey(t), newKey(t)
	one, another := newSealer(t, first), newSealer(t, second)
	place := secret.Place{Bucket: "accounts", Key: "acme.A-1"}
	mark := func(s *secret.Sealer, place secret.Place, data []byte) string {
		t.Helper()
		m, err := s.Mark(place, data)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m := mark(one, place, []byte("a@example.com"))
	if m != mark(one, place, []byte("a@example.com")) || m != mark(newSealer(t, first, second), place, []byte("a@example.com")) {
		t.Error("the same has another mark")
	}
	for what, other := range map[string]string{
		"other data":        mark(one, place, []byte("b@example.com")),
		"another place":     mark(one, secret.Place{Bucket: "accounts", Key: "acme.A-2"}, []byte("a@example.com")),
		"another key":       mark(another, place, []byte("a@example.com")),
		"data in the place": mark(one, secret.Place{Bucket: "accounts", Key: "acme.A-1", Field: "a"}, []byte("@example.com")),
	} {
		if other == m {
			t.Errorf("%s has the same mark", what)
		}
	}
	plain := sha256.Sum256([]byte("a@example.com"))
	if strings.Contains(m, hex.EncodeToString(plain[:])) {
		t.Error("the mark is a plain hash")
	}
}
