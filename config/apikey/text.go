package apikey

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
)

// What texts begin with, by which programs that look for lost secrets know
// them.
const (
	prefix         = "bhk_"
	operatorPrefix = "bho_"
)

const (
	idBytes     = 8
	secretBytes = 32 // 256 bits
)

// Generate draws a new key of an owner from rand: its id, and the text to be
// shown once, "bhk_<owner>.<id>_<43 characters of base64url>". With no owner it
// is an operator's, "bho_<id>_…". The text says where the key is found, so that
// nobody has to say whose it is.
func Generate(owner string, rand io.Reader) (keyID string, text secret.Text, err error) {
	raw := make([]byte, idBytes+secretBytes)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return "", secret.Text{}, fault.New(fault.Internal, "draw api key", "", err)
	}
	keyID = hex.EncodeToString(raw[:idBytes])
	begin := operatorPrefix
	if owner != "" {
		begin = prefix + owner + "."
	}
	return keyID, secret.NewText(begin + keyID + "_" + base64.RawURLEncoding.EncodeToString(raw[idBytes:])), nil
}

// Find returns where the key of a presented text would be, in its bucket. It
// says nothing of whether the text is right.
func Find(text secret.Text) (string, bool) {
	owner, rest, ok := cutOwner(text.Reveal())
	keyID, random, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(random) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", false
	}
	raw, err := hex.DecodeString(keyID)
	if err != nil || len(raw) != idBytes || bytes.ContainsAny([]byte(keyID), "ABCDEF") {
		return "", false
	}
	return place(owner, keyID), true
}

// cutOwner returns the owner within a text, empty for an operator's.
func cutOwner(text string) (owner, rest string, ok bool) {
	if rest, ok := strings.CutPrefix(text, operatorPrefix); ok {
		return "", rest, true
	}
	rest, ok = strings.CutPrefix(text, prefix)
	owner, rest, cut := strings.Cut(rest, ".")
	return owner, rest, ok && cut && id.Valid(owner)
}

// place is where a key is in its bucket.
func place(owner, keyID string) string { return cmp.Or(owner, id.Installation) + "." + keyID }

// Hash returns what is stored of a text.
func Hash(text secret.Text) []byte {
	sum := sha256.Sum256([]byte(text.Reveal()))
	return sum[:]
}
