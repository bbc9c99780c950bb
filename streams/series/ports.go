package series

import (
	"context"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/internal/ordered"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/settle"
)

// source is a reading of EVENTS in order.
type source interface { //nolint:interfacebloat // what a reader of the log is, for the model to stand in
	// Ready receives while there is something to take; Failed receives when
	// the reading was interrupted.
	Ready() <-chan struct{}
	Failed() <-chan error
	Take(n int) []ordered.Message
	Close(ctx context.Context)
}

// events is the log of events.
type events interface {
	// read reads what the filters match behind a sequence.
	read(ctx context.Context, filters []string, after uint64) (source, error)
	// ends is [eventlog.FindEnds].
	ends(ctx context.Context, filters []string) (eventlog.Ends, error)
	// get reads one event, and when it was stored. It returns
	// eventlog.ErrExpired when retention removed it.
	get(ctx context.Context, seq uint64) (*event.Event, time.Time, error)
}

// record is what is written inside the fence: an outcome, or without one a
// note, with the position behind it.
type record struct {
	outcome  *delivery.Outcome
	position position.Position
}

// ledger is where outcomes and positions are stored, by one holder at a time.
type ledger interface {
	// claim finds the position, or takes start where there is none, and
	// stores it under the next epoch.
	claim(ctx context.Context, start position.Position) (position.Position, error)
	// write stores records in order; nobody else's lie between. The error is
	// fence.ErrFenced when another holder has claimed.
	write(ctx context.Context, records []record) error
	// copy keeps a position where it is found without reading outcomes.
	copy(ctx context.Context, p position.Position) error
}

// heads keeps deliveries between their attempts, byte for byte.
type heads interface { //nolint:interfacebloat // keep, load, drop and list are one thing
	keep(ctx context.Context, w *settle.Work) error
	// load returns nil when nothing is kept.
	load(ctx context.Context, deliveryID string) (*settle.Work, error)
	// drop forgets a delivery.
	drop(ctx context.Context, deliveryID string) error
	// list returns the references of all that is kept.
	list(ctx context.Context) ([]delivery.Reference, error)
}

// ground is all that a series stands on.
type ground struct {
	events events
	ledger ledger
	heads  heads
	// park keeps a delivery that is given up.
	park func(ctx context.Context, w *settle.Work, o *delivery.Outcome) error
	// gap records that events after a sequence and before first may have been
	// lost to retention.
	gap func(ctx context.Context, after uint64, at eventlog.Ends) error
}
