package handout

import (
	"encoding/binary"
	"errors"
	"time"
)

// errState says that bytes are not the stored form of a state.
var errState = errors.New("decode state of a queue: malformed")

// version begins the stored form.
const version = 1

// Encode returns the stored form. It is small, since every hand-out and every
// acknowledgement stores it anew: an event takes two bytes where it has ticket,
// moment and times of the one before it, as those of one hand-out do.
func (s *State) Encode() []byte {
	b := make([]byte, 0, 64+3*len(s.Out))
	b = append(b, version)
	b = binary.AppendUvarint(b, s.Head)
	b = binary.AppendUvarint(b, s.Gap.After)
	b = binary.AppendUvarint(b, s.Gap.First)
	b = binary.AppendVarint(b, milliseconds(s.Gap.At))
	var last Given
	for _, g := range s.Out {
		b = binary.AppendUvarint(b, g.Seq-last.Seq)
		same := g.Times == last.Times && g.Ticket == last.Ticket && g.Until.Equal(last.Until)
		if last = g; same {
			b = append(b, 0)
			continue
		}
		b = binary.AppendUvarint(append(b, 1), uint64(g.Times)) //nolint:gosec // grows by one from 1
		b = binary.AppendUvarint(b, g.Ticket)
		b = binary.AppendVarint(b, milliseconds(g.Until))
	}
	return b
}

// milliseconds writes a moment; 0 is the zero one.
func milliseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Decode reads the stored form.
func Decode(b []byte) (*State, error) {
	if len(b) == 0 || b[0] != version {
		return nil, errState
	}
	d := decoder{rest: b[1:]}
	s := &State{Head: d.uvarint()}
	s.Gap = Gap{After: d.uvarint(), First: d.uvarint(), At: moment(d.varint())}
	var last Given
	for len(d.rest) > 0 && !d.bad {
		seq := last.Seq + d.uvarint()
		d.bad = d.bad || seq <= last.Seq || seq > s.Head || len(s.Out) == MaxOut
		switch last.Seq = seq; d.uvarint() {
		case 0:
		case 1:
			last.Times, last.Ticket, last.Until = int(d.uvarint()), d.uvarint(), moment(d.varint()) //nolint:gosec // as written
		default:
			d.bad = true
		}
		d.bad = d.bad || last.Times < 1
		s.Out = append(s.Out, last)
	}
	if d.bad {
		return nil, errState
	}
	return s, nil
}

// decoder takes numbers from the front of bytes.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	d.skip(n)
	return v
}

func (d *decoder) skip(n int) {
	if n <= 0 {
		d.bad, d.rest = true, nil
		return
	}
	d.rest = d.rest[n:]
}
