package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// markKey derives the key of marks, so that the sealing key itself is used for
// one thing only.
func markKey(k Key) []byte {
	mac := hmac.New(sha256.New, []byte(k.raw.Reveal()))
	mac.Write([]byte("billhook mark v1"))
	return mac.Sum(nil)
}

// Mark returns a keyed hash of what stands at a place, "hmac-sha256:<key
// id>:<hexadecimal>". Who sees two marks sees whether the same stood there
// twice. A plain hash would tell more: whether a guess is right, such as one of
// a mail address, which nobody without the key can try with a mark. Another key
// gives other marks. It fails without keys.
func (s *Sealer) Mark(place Place, data []byte) (string, error) {
	r, err := s.known()
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, r.marks)
	mac.Write(place.bytes())
	mac.Write(data)
	return "hmac-sha256:" + r.first + ":" + hex.EncodeToString(mac.Sum(nil)), nil
}
