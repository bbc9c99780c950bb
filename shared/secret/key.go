package secret

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// Key is a sealing key. It prints nothing of itself.
type Key struct{ raw Text }

// ParseKey reads a key from base64 (standard alphabet, padded) of exactly
// [KeySize] bytes. Its error holds nothing of s.
func ParseKey(s string) (Key, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return Key{}, fault.New(fault.Invalid, "parse sealing key", "", errKeyForm)
	}
	if len(raw) != KeySize {
		return Key{}, fault.New(fault.Invalid, "parse sealing key", "",
			fmt.Errorf("%w: %d bytes", errKeyForm, len(raw)))
	}
	return Key{raw: NewText(string(raw))}, nil
}

// ParseKeys reads one or more keys parted by white space or commas. The order
// is kept: the first one seals.
func ParseKeys(s string) ([]Key, error) {
	fields := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) })
	if len(fields) == 0 {
		return nil, fault.New(fault.Invalid, "parse sealing keys", "", errKeyForm)
	}
	keys := make([]Key, len(fields))
	for i, f := range fields {
		k, err := ParseKey(f)
		if err != nil {
			return nil, fault.New(fault.Invalid, "parse sealing keys", fmt.Sprintf("key %d", i+1), err)
		}
		keys[i] = k
	}
	return keys, nil
}

// GenerateKey draws a new key from rand.
func GenerateKey(rand io.Reader) (Key, error) {
	raw := make([]byte, KeySize)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return Key{}, fault.New(fault.Internal, "generate sealing key", "", err)
	}
	return Key{raw: NewText(string(raw))}, nil
}

// ID names the key without revealing it: the first 8 bytes of its SHA-256 in
// hexadecimal. It stands in every sealed text, to find the key that opens it.
func (k Key) ID() string {
	sum := sha256.Sum256([]byte(k.raw.Reveal()))
	return hex.EncodeToString(sum[:8])
}

// Reveal returns the key in the form that [ParseKey] reads.
func (k Key) Reveal() string { return base64.StdEncoding.EncodeToString([]byte(k.raw.Reveal())) }
