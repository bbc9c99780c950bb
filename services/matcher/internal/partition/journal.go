package partition

import (
	"context"
	"slices"
	"time"

	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/streams/cursor"
)

// Journal reads what is stored of one partition.
type Journal interface {
	// Events visits the events with after < sequence ≤ until, in order, until
	// visit fails, and then fails with that.
	Events(ctx context.Context, after, until uint64, visit func(*cursor.Message) error) error
	// Deliveries visits every delivery stored since a moment.
	Deliveries(ctx context.Context, since time.Time, visit func(Delivered) error) error
	// Partial returns what is stored of an event's deliveries, which is not
	// all.
	Partial(ctx context.Context, half cursor.Half) (Partial, error)
}

// Delivered names a stored delivery.
type Delivered struct {
	Owner, Subscription string
	EventSeq            uint64
}

// Partial is an event whose deliveries are stored in part.
type Partial struct {
	// Stored are the deliveries that exist, in their order.
	Stored []index.Match
}

// first returns the matches with those in front that are stored, as they are
// stored. A subscription that is stored under another version is not given the
// event a second time.
func (p Partial) first(matches []index.Match) []index.Match {
	out := slices.Clone(p.Stored)
	for _, m := range matches {
		stored := func(s index.Match) bool { return s.Subscription == m.Subscription }
		if !slices.ContainsFunc(p.Stored, stored) {
			out = append(out, m)
		}
	}
	return out
}
