package apikey

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

const (
	prefix      = "bhk_"
	idBytes     = 8
	secretBytes = 32 // 256 bits
)

// Generate draws a new key from rand: its id, and the text to be shown once,
// "bhk_<id>_<43 characters of base64url>".
func Generate(rand io.Reader) (id string, text secret.Text, err error) {
	raw := make([]byte, idBytes+secretBytes)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return "", secret.Text{}, fault.New(fault.Internal, "draw api key", "", err)
	}
	id = hex.EncodeToString(raw[:idBytes])
	return id, secret.NewText(prefix + id + "_" + base64.RawURLEncoding.EncodeToString(raw[idBytes:])), nil
}

// ID returns the id within a presented text, which says nothing of whether the
// text is right.
func ID(text secret.Text) (string, bool) {
	rest, ok := strings.CutPrefix(text.Reveal(), prefix)
	id, random, cut := strings.Cut(rest, "_")
	if !ok || !cut || len(random) != base64.RawURLEncoding.EncodedLen(secretBytes) {
		return "", false
	}
	raw, err := hex.DecodeString(id)
	return id, err == nil && len(raw) == idBytes && !bytes.ContainsAny([]byte(id), "ABCDEF")
}

// Hash returns what is stored of a text.
func Hash(text secret.Text) []byte {
	sum := sha256.Sum256([]byte(text.Reveal()))
	return sum[:]
}

// Matches reports, in constant time, whether text is the key's and the key is
// not revoked.
func (k *Key) Matches(text secret.Text) bool {
	same := subtle.ConstantTimeCompare(k.Hash, Hash(text)) == 1
	return same && k.RevokedAt.IsZero()
}

// Roles lists every [Role].
func Roles() []Role { return []Role{Admin, Editor, Viewer, Publisher, Subscriber} }

// Check returns the rules that k breaks.
func (k *Key) Check() fault.Problems {
	var r field.Report
	r.ID("/id", k.ID)
	r.Line("/name", k.Name, field.MaxName)
	if !slices.Contains(Roles(), k.Role) {
		r.Add("/role", "role.unknown", "must be admin, editor, viewer, publisher or subscriber")
	}
	return r.Problems()
}
