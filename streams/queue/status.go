package queue

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology"
)

// Status is how far a queue has been read.
type Status struct {
	// Position is the sequence up to which everything was handed out.
	Position uint64
	// Waiting is how many events of its types are behind it. Where the queue wants
	// them by their values too, some of them are not for it.
	Waiting uint64
	// HandedOut is how many somebody has now, Returned how many were handed out,
	// were not acknowledged, and wait to be handed out again.
	HandedOut, Returned int
	// Oldest is when the oldest event was stored that is not acknowledged; zero
	// where all are.
	Oldest time.Time
	// Gap is what retention removed last before it was read; zero for nothing.
	Gap handout.Gap
}

// Status returns how far a queue has been read, as its stored state says. The
// error is [ErrGone] or of kind Unavailable.
func (d *Desk) Status(ctx context.Context, at Address) (Status, error) {
	plan, ok := d.settings.Source.Plan(at)
	if !ok {
		return Status{}, at.gone()
	}
	s, err := load(ctx, d.settings.JS, Key(at, plan.Incarnation), plan.Start)
	if err != nil {
		return Status{}, err
	}
	out := Status{Position: s.Head, Gap: s.Gap}
	out.HandedOut, out.Returned = s.Held(d.settings.Now())
	if out.Waiting, err = scan.Count(ctx, d.settings.JS, behind(plan, s.Head)); err != nil {
		return Status{}, err
	}
	out.Oldest, err = d.oldest(ctx, plan, s.State)
	return out, err
}

// behind is what is wanted of EVENTS behind a sequence, but for its values.
func behind(plan *Plan, head uint64) scan.Stretch {
	return scan.Stretch{Stream: topology.Events, Filters: plan.Filters, After: head}
}

// oldest returns when the oldest event was stored that is not acknowledged.
func (d *Desk) oldest(ctx context.Context, plan *Plan, s *handout.State) (time.Time, error) {
	events, err := eventlog.FindEnds(ctx, d.settings.JS, nil)
	if err != nil {
		return time.Time{}, err
	}
	for _, g := range s.Out {
		if g.Seq < events.First { // it may be all of ten thousand
			continue
		}
		_, stored, err := eventlog.One(ctx, d.settings.JS, g.Seq)
		if err == nil || fault.KindOf(err) != fault.NotFound {
			return stored, err
		}
	}
	var first time.Time
	next := behind(plan, s.Head)
	next.HeadersOnly = true
	err = scan.Read(ctx, d.settings.JS, next, func(m *cursor.Message) error {
		first = m.Time
		return errFound
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return first, err
}
