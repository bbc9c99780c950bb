// Package position is how far the deliveries of one subscription have come,
// with lanes that lag behind, as pure values. It refuses to know events: it
// knows sequences and the names of lanes.
package position

import (
	"encoding/json"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// Position is how far a subscription has come. Every matching event up to the
// watermark is finished, except those of the lanes that are listed, from their
// first unfinished one on; nothing beyond the watermark is.
type Position struct {
	// Epoch is that of the holder that stored it.
	Epoch uint64 `json:"e"`
	// Watermark is a sequence of EVENTS.
	Watermark uint64 `json:"w"`
	// Lanes are those with something unfinished at or below the watermark, by
	// name: the account, or empty.
	Lanes map[string]Lane `json:"l,omitempty"`
	// Applied is the number of the last control that was applied.
	Applied uint64 `json:"c,omitempty"`
	// Halt is where the series stopped by itself; nil when it did not.
	Halt *Halt `json:"h,omitempty"`
}

// Lane is a lane that lags behind the watermark.
type Lane struct {
	// First is the first sequence at which it has something unfinished.
	First uint64 `json:"f"`
	// Attempts is how often its head was tried, and Next when it is tried
	// again at the earliest; both zero for one that was not.
	Attempts int       `json:"a,omitempty"`
	Next     time.Time `json:"n,omitzero"`
	// Kept is the id of the delivery at First whose bytes are kept; empty for
	// none.
	Kept string `json:"k,omitempty"`
}

// Halt is where a series stopped because a delivery failed for good.
type Halt struct {
	// Number is the newest control that was known when the attempt that failed
	// began: a later one resumes.
	Number   uint64 `json:"c,omitempty"`
	Seq      uint64 `json:"s"`
	Account  string `json:"a,omitempty"`
	Delivery string `json:"d"`
	Reason   string `json:"r,omitempty"`
}

// Decode reads the stored form of a position.
func Decode(b []byte) (Position, error) {
	var p Position
	if err := json.Unmarshal(b, &p); err != nil {
		return Position{}, fault.New(fault.Invalid, "decode position", "", err)
	}
	return p, nil
}

// Encode returns the stored form.
func (p *Position) Encode() ([]byte, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return nil, fault.New(fault.Internal, "encode position", "", err)
	}
	return b, nil
}

// Finished reports whether the matching event of a lane is finished.
func (p *Position) Finished(lane string, seq uint64) bool {
	if seq > p.Watermark {
		return false
	}
	l, listed := p.Lanes[lane]
	return !listed || seq < l.First
}
