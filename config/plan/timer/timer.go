// Package timer names what the scheduler's timers are set to: due moments, each
// with the keys of the invoices that something is due for. One timer serves all
// of them, since a stream keeps every subject in memory. It refuses to know
// what is due: a timer only says where to look.
package timer

import (
	"cmp"
	"crypto/sha256"
	"time"
)

// Moment is one timer: a whole second, in Unix time, of one partition.
type Moment struct {
	Part int
	Unix int64
}

// At returns the first moment that is not before an instant.
func At(part int, at time.Time) Moment {
	m := Moment{Part: part, Unix: at.Unix()}
	if at.Nanosecond() > 0 {
		m.Unix++
	}
	return m
}

// Time returns the instant of a moment.
func (m Moment) Time() time.Time { return time.Unix(m.Unix, 0).UTC() }

// Compare orders moments by time.
func (m Moment) Compare(other Moment) int {
	return cmp.Or(cmp.Compare(m.Unix, other.Unix), cmp.Compare(m.Part, other.Part))
}

// Mark stands for a key at a moment where many are compared.
type Mark [16]byte

// MarkOf returns the mark of a key.
func (m Moment) MarkOf(key string) Mark {
	b := make([]byte, 0, 64)
	for shift := 0; shift < 64; shift += 8 {
		b = append(b, byte(uint64(m.Unix)>>shift)) //nolint:gosec // bits, whatever they mean
	}
	sum := sha256.Sum256(append(b, key...))
	return Mark(sum[:16])
}

// Armed is what is set: the timers that will go off or went off, and the keys
// behind them.
type Armed struct {
	Timers map[Moment]bool
	Keys   Marks
	// Moments are those of the keys.
	Moments map[Moment]bool
}
