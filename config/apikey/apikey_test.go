package apikey_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/secret"
)

func TestAKeyMatchesItsTextAlone(t *testing.T) {
	// The bytes give underscores and hyphens in base64url.
	id, text, err := apikey.Generate(bytes.NewReader(bytes.Repeat([]byte{0xff}, 40)))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := apikey.ID(text); !ok || got != id {
		t.Errorf("id of the text = %q, %v, want %q", got, ok, id)
	}
	if n := len(text.Reveal()); n != len("bhk_")+16+1+43 {
		t.Errorf("length %d", n)
	}
	k := apikey.Key{Hash: apikey.Hash(text)}
	_, other, err := apikey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !k.Matches(text) || k.Matches(other) || k.Matches(secret.Text{}) || (&apikey.Key{}).Matches(secret.Text{}) {
		t.Error("matches what it should not, or not what it should")
	}
	k.RevokedAt = time.Unix(1, 0)
	if k.Matches(text) {
		t.Error("a revoked key matches")
	}
}

func TestGenerateNeedsAllItsRandomness(t *testing.T) {
	if _, _, err := apikey.Generate(bytes.NewReader(make([]byte, 39))); err == nil {
		t.Error("made a key of too little")
	}
}
