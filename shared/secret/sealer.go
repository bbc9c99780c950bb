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
	"errors"
	"strings"
	"sync/atomic"

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

// Sealer seals with the first key of its ring and opens with any of them. It
// may be used by many goroutines at once.
type Sealer struct {
	// read gives the keys as they are now; nil where they never change.
	read func() ([]Key, error)
	ring atomic.Pointer[ring]
}

// ring is a set of keys, one of which seals.
type ring struct {
	first string
	aeads map[string]cipher.AEAD
	marks []byte // the key of [Sealer.Mark]
}

// NewSealer returns a sealer whose keys never change. The first one seals.
// Without a key it returns [ErrNoKey].
func NewSealer(keys ...Key) (*Sealer, error) {
	r, err := newRing(keys)
	if err != nil {
		return nil, err
	}
	s := new(Sealer)
	s.ring.Store(r)
	return s, nil
}

// Follow returns a sealer that reads its keys anew before it seals, so that
// nothing is sealed with a former key once there is a newer one, and when it
// meets a key that it does not know. So keys change without a restart.
func Follow(read func() ([]Key, error)) (*Sealer, error) {
	s := &Sealer{read: read}
	_, err := s.renewed()
	return s, err
}

// renewed returns the ring as it is now.
func (s *Sealer) renewed() (*ring, error) {
	if s.read == nil {
		return s.known()
	}
	keys, err := s.read()
	if err != nil {
		return nil, err
	}
	r, err := newRing(keys)
	if err != nil {
		return nil, err
	}
	s.ring.Store(r)
	return r, nil
}

// known returns the ring as it was read last.
func (s *Sealer) known() (*ring, error) {
	if r := s.ring.Load(); r != nil {
		return r, nil
	}
	return nil, fault.New(fault.Invalid, "use sealer", "", ErrNoKey)
}

func newRing(keys []Key) (*ring, error) {
	if len(keys) == 0 {
		return nil, fault.New(fault.Invalid, "make sealer", "", ErrNoKey)
	}
	r := &ring{first: keys[0].ID(), aeads: make(map[string]cipher.AEAD, len(keys)), marks: markKey(keys[0])}
	for _, k := range keys {
		aead, err := newAEAD(k)
		if err != nil {
			return nil, fault.New(fault.Internal, "make sealer", k.ID(), err)
		}
		r.aeads[k.ID()] = aead
	}
	return r, nil
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
	r, err := s.renewed()
	if err != nil {
		return "", err
	}
	ct := r.aeads[r.first].Seal(nil, nil, []byte(plain.Reveal()), place.bytes())
	return Sealed(scheme + r.first + ":" + encoding.EncodeToString(ct)), nil
}

// Open returns what was sealed for place. Its errors wrap [ErrMalformed],
// [ErrUnknownKey] or [ErrRefused].
func (s *Sealer) Open(place Place, sealed Sealed) (Text, error) {
	id, ct, ok := sealed.split()
	if !ok {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), ErrMalformed)
	}
	aead, err := s.key(id)
	if err != nil {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), err)
	}
	plain, err := aead.Open(nil, nil, ct, place.bytes())
	if err != nil {
		return Text{}, fault.New(fault.Internal, "open sealed", place.String(), ErrRefused)
	}
	return NewText(string(plain)), nil
}

// key returns the key of an id, which may be newer than the last reading.
func (s *Sealer) key(id string) (cipher.AEAD, error) {
	for _, ring := range []func() (*ring, error){s.known, s.renewed} {
		r, err := ring()
		if err != nil {
			return nil, errors.Join(ErrUnknownKey, err)
		}
		if aead, ok := r.aeads[id]; ok {
			return aead, nil
		}
	}
	return nil, ErrUnknownKey
}

// Renew returns a sealed text as it is where the newest key sealed it, and else
// sealed anew with that one.
func (s *Sealer) Renew(place Place, sealed Sealed) (Sealed, error) {
	r, err := s.renewed()
	if err != nil || r.first == sealed.KeyID() {
		return sealed, err
	}
	plain, err := s.Open(place, sealed)
	if err != nil {
		return sealed, err
	}
	return s.Seal(place, plain)
}

// Stale reports whether a sealed text should be sealed anew, because another
// key than the first one sealed it.
func (s *Sealer) Stale(sealed Sealed) bool {
	id, _, ok := sealed.split()
	r, err := s.known()
	return ok && err == nil && id != r.first
}

// KeyID names the key that sealed the text, as [Key.ID] does; empty where the
// text is not sealed at all.
func (s Sealed) KeyID() string {
	id, _, _ := s.split()
	return id
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
