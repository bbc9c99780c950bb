package bag

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"

	"github.com/billhook/billhook/shared/fault"
)

// Limits in bytes of a bag's encoded form, and of what it decodes to. A retry
// is one message, and a NATS server takes 1 MiB by default, headers included.
const (
	MaxEncoded = 960 << 10
	maxDecoded = 64 << 20
)

// Encode returns b as compressed JSON: letters of one delivery differ little.
// It fails with [ErrTooLarge] beyond [MaxEncoded].
func (b *Bag) Encode() ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if err := json.NewEncoder(z).Encode(b); err != nil {
		return nil, fault.New(fault.Internal, "encode bag", "", err)
	}
	if err := z.Close(); err != nil {
		return nil, fault.New(fault.Internal, "encode bag", "", err)
	}
	if out.Len() > MaxEncoded {
		return nil, fault.New(fault.Invalid, "encode bag", "", ErrTooLarge)
	}
	return out.Bytes(), nil
}

// Decode reads what [Bag.Encode] wrote.
func Decode(data []byte) (*Bag, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fault.New(fault.Invalid, "decode bag", "", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxDecoded+1))
	if err != nil {
		return nil, fault.New(fault.Invalid, "decode bag", "", err)
	}
	if len(plain) > maxDecoded {
		return nil, fault.New(fault.Invalid, "decode bag", "", errForm)
	}
	b := &Bag{}
	if err := json.Unmarshal(plain, b); err != nil {
		return nil, fault.New(fault.Invalid, "decode bag", "", err)
	}
	return b, nil
}
