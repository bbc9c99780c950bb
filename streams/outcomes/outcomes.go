// Package outcomes reads the log of deliveries: what OUTCOMES says last of each
// delivery, or all that it says of one. A reading begins at the moment asked
// for and ends at what is stored when it begins; it keeps only what matches, so
// memory grows with the answer and not with the log. It refuses to follow the
// stream, and to judge.
package outcomes

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// The bounds of one reading. Longest leaves 100,000 outcomes some seconds and
// 30 million five minutes.
const (
	MostKept = 200_000
	Longest  = 5 * time.Minute
)

// ErrTooMany says that more deliveries match than one reading keeps.
var ErrTooMany = errors.New("more than 200,000 deliveries match; ask for a shorter time or for one subscription")

// Entry is an outcome with its place in the log.
type Entry struct {
	delivery.Outcome
	// Seq is the sequence of its message, Line its place in there.
	Seq  uint64
	Line int
	// Stored is when it was stored, by the server's clock.
	Stored time.Time
	// Ordered is true for what the holder of an in-order subscription
	// recorded.
	Ordered bool
}

// Newest returns the newest outcome of each delivery that the query asks for,
// oldest first. An older outcome never matches in place of the newest. The
// responses of receivers are left out. The error may be [ErrTooMany].
func Newest(ctx context.Context, js jetstream.JetStream, q Query) ([]Entry, error) {
	kept := map[string]Entry{}
	err := read(ctx, js, &q, func(e *Entry) error {
		if !q.matches(e) {
			delete(kept, e.Delivery.ID)
			return nil
		}
		if e.Response = ""; len(kept) >= MostKept {
			return fault.New(fault.Exhausted, "read outcomes of", q.Owner, ErrTooMany)
		}
		kept[e.Delivery.ID] = *e
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Entry, 0, len(kept))
	for _, e := range kept {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Entry) int { return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Line, b.Line)) })
	return out, nil
}

// Attempts returns all outcomes of q.Delivery, oldest first.
func Attempts(ctx context.Context, js jetstream.JetStream, q Query) ([]Entry, error) {
	var out []Entry
	err := read(ctx, js, &q, func(e *Entry) error {
		out = append(out, *e)
		return nil
	})
	return out, err
}

// read visits the outcomes of the deliveries that q asks about, in order.
func read(ctx context.Context, js jetstream.JetStream, q *Query, visit func(*Entry) error) error {
	ctx, cancel := context.WithTimeout(ctx, Longest)
	defer cancel()
	stretch := scan.Stretch{Stream: topology.Outcomes, Filters: q.filters(), Since: q.Since}
	return scan.Read(ctx, js, stretch, func(m *cursor.Message) error {
		if len(m.Data) == 0 || q.unasked(m.Header) {
			return nil // a note of a position, or another delivery
		}
		all, err := Decode(m)
		if err != nil {
			return err
		}
		for i := range all {
			if !q.concerns(&all[i].Outcome) {
				continue
			}
			if err := visit(&all[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Decode reads the outcomes of a message of OUTCOMES; a note has none.
func Decode(m *cursor.Message) ([]Entry, error) {
	all, err := delivery.ReadOutcomes(m.Data)
	if err != nil {
		return nil, fault.New(fault.Internal, "read outcomes at", m.Subject, err)
	}
	out := make([]Entry, len(all))
	for i := range all {
		out[i] = Entry{Outcome: all[i], Seq: m.Seq, Line: i, Stored: m.Time, Ordered: subject.IsOrderedOutcome(m.Subject)}
	}
	return out, nil
}
