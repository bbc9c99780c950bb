// Package secret keeps secrets unreadable: sealed at rest, so that whoever
// reads a bucket or a backup learns nothing, and masked in memory, so that no
// log or answer shows them by accident. It refuses to store anything; where a
// sealed text goes is the caller's business.
//
// Sealing is AES-256-GCM with a random nonce. A sealed text is bound to its
// place (bucket, key and field): copied elsewhere it does not open, so nobody
// who can write a bucket can have one owner's password sent to another's
// server.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// Place is where a sealed text is stored. All three are part of the seal.
type Place struct {
	// Bucket is the bucket's name, Key the key within it.
	Bucket, Key string
	// Field names the secret within the value, such as "password"; where a
	// value holds several sets, the set's id is part of it.
	Field string
}

// Sealed is a sealed text: "sealed:v1:<key id>:<base64 of nonce and
// ciphertext>". It holds nothing secret.
type Sealed string

const scheme = "sealed:v1:"

// Sealer seals with its first key and opens with any of its keys. It may be
// used by many goroutines at once.
type Sealer struct {
	first string
	aeads map[string]cipher.AEAD
}

// NewSealer returns a sealer. To rotate, put the new key first and keep the
// old ones until everything is sealed anew. Without a key it returns
// [ErrNoKey].
func NewSealer(keys ...Key) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "make sealer", "", ErrNoKey)
	}
	s := &Sealer{first: keys[0].ID(), aeads: make(map[string]cipher.AEAD, len(keys))}
	for _, k := range keys {
		aead, err := newAEAD(k)
		if err != nil {
			return nil, fault.New(fault.Internal, "make sealer", k.ID(), err)
		}
		s.aeads[k.ID()] = aead
	}
	return s, nil
}

// newAEAD leaves the nonce to the standard library: a repeated nonce would
// give the key away, so it is the one randomness that is not passed in.
func newAEAD(k Key) (cipher.AEAD, error) {
	block, err := aes.NewCipher([]byte(k.raw.Reveal()))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// Seal seals plain for place.
func (s *Sealer) Seal(place Place, plain Text) (Sealed, error) {
	aead, ok := s.aeads[s.first]
	if !ok {
		return "", fault.New(fault.Internal, "seal", place.String(), ErrNoKey)
	}
	ct := aead.Seal(nil, nil, []byte(plain.Reveal()), place.bytes())
	return Sealed(scheme + s.first + ":" + encoding.EncodeToString(ct)), nil
}

// Open returns what was sealed for place. Its errors wrap [ErrMalformed],
// [ErrUnknownKey] or [ErrRefused].
func (s *Sealer) Open(place Place, sealed Sealed) (Text, error) {
	id, ct, ok := sealed.split()
	if !ok {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), ErrMalformed)
	}
	aead, ok := s.aeads[id]
	if !ok {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), ErrUnknownKey)
	}
	plain, err := aead.Open(nil, nil, ct, place.bytes())
	if err != nil {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), ErrRefused)
	}
	return NewText(string(plain)), nil
}

// Stale reports whether a sealed text should be sealed anew, because another
// key than the first one sealed it.
func (s *Sealer) Stale(sealed Sealed) bool {
	id, _, ok := sealed.split()
	return ok && id != s.first
}

// Valid reports whether the text has the form of a sealed one. It says nothing
// of whether it opens.
func (s Sealed) Valid() bool {
	_, _, ok := s.split()
	return ok
}

func (s Sealed) split() (keyID string, ct []byte, ok bool) {
	rest, ok := strings.CutPrefix(string(s), scheme)
	if !ok {
		return "", nil, false
	}
	keyID, text, ok := strings.Cut(rest, ":")
	// The decoder skips line ends; one sealed text has one form only.
	if !ok || strings.ContainsAny(text, "\r\n") {
		return "", nil, false
	}
	ct, err := encoding.DecodeString(text)
	return keyID, ct, err == nil
}

// String names the place for errors.
func (p Place) String() string { return p.Bucket + "/" + p.Key + "#" + p.Field }

// bytes is what the seal binds: each part behind its length, so that no two
// places give the same bytes.
func (p Place) bytes() []byte {
	b := []byte(scheme)
	for _, part := range []string{p.Bucket, p.Key, p.Field} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}

var encoding = base64.RawStdEncoding.Strict()
