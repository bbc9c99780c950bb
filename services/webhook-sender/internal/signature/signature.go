// Package signature signs webhooks as Standard Webhooks 1.0.0 describes: over
// "<id>.<timestamp>.<body>", by HMAC-SHA256 (v1) or ed25519 (v1a). It refuses
// to know where secrets come from and what is sent.
package signature

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
	"sync"
)

// The bounds of a secret in bytes, from the specification.
const (
	MinSecret = 24
	MaxSecret = 64
)

const (
	prefix            = "whsec_"
	version           = "v1,"
	asymmetricPrefix  = "whsk_"
	asymmetricVersion = "v1a,"
)

// ErrSecret says that a text is no signing secret. It holds nothing of it.
var ErrSecret = errors.New("neither whsec_ and base64 of 24 to 64 bytes nor whsk_ and base64 of an ed25519 private key of 64 bytes")

// Key is a signing secret made ready. It may be used by many goroutines.
type Key struct {
	hashes sync.Pool
	// private is set for v1a.
	private ed25519.PrivateKey
}

// ParseKey reads "whsec_" (v1) or "whsk_" (v1a) and base64 (standard alphabet,
// padded).
func ParseKey(text string) (*Key, error) {
	encoded, symmetric := strings.CutPrefix(text, prefix)
	if !symmetric {
		var ok bool
		if encoded, ok = strings.CutPrefix(text, asymmetricPrefix); !ok {
			return nil, fmt.Errorf("parse signing secret: %w", ErrSecret)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil, symmetric && (len(raw) < MinSecret || len(raw) > MaxSecret), !symmetric && len(raw) != ed25519.PrivateKeySize:
		return nil, fmt.Errorf("parse signing secret: %w", ErrSecret)
	case symmetric:
		k := &Key{}
		k.hashes.New = func() any { return hmac.New(sha256.New, raw) }
		return k, nil
	default:
		return &Key{private: raw}, nil
	}
}

// Message is what is signed: the same id on every attempt, the moment of this
// attempt in Unix seconds, and the bytes of the body.
type Message struct {
	ID        string
	Timestamp int64
	Body      []byte
}

// Header returns the value of webhook-signature: one signature per key, parted
// by spaces, in the order of the keys.
func Header(m Message, keys []*Key) string {
	var space [512]byte
	head := append(space[:0:256], m.ID...)
	head = append(head, '.')
	head = strconv.AppendInt(head, m.Timestamp, 10)
	head = append(head, '.')
	out := space[256:256]
	for i, k := range keys {
		if i > 0 {
			out = append(out, ' ')
		}
		if k.private != nil {
			out = append(out, asymmetricVersion...)
			out = base64.StdEncoding.AppendEncode(out, ed25519.Sign(k.private, append(head[:len(head):len(head)], m.Body...)))
			continue
		}
		out = append(out, version...)
		out = k.appendSum(out, head, m.Body)
	}
	return string(out)
}

func (k *Key) appendSum(dst, head, body []byte) []byte {
	h, ok := k.hashes.Get().(hash.Hash)
	if !ok {
		return dst // the pool holds nothing else
	}
	defer k.hashes.Put(h)
	h.Reset()
	h.Write(head)
	h.Write(body)
	var sum [sha256.Size]byte
	return base64.StdEncoding.AppendEncode(dst, h.Sum(sum[:0]))
}
