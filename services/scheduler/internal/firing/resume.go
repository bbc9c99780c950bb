package firing

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/services/scheduler/internal/crew"
)

// resume publishes what somebody marked and did not publish. One reading of the
// accepted events serves all that an owner has.
func (r *round) resume(ctx context.Context) error {
	f := r.firer
	since := map[string]time.Time{}
	for _, e := range r.found {
		for _, p := range firingOf(e.Matter) {
			if at, ok := since[e.Matter.Owner]; !ok || p.FiredAt.Before(at) {
				since[e.Matter.Owner] = p.FiredAt
			}
		}
	}
	accepted := map[string]map[string]bool{}
	for _, e := range r.found {
		i := e.Matter
		if accepted[i.Owner] == nil {
			known, err := f.deps.Ledger.Accepted(ctx, i.Part, i.Owner, since[i.Owner])
			if err != nil {
				return err
			}
			accepted[i.Owner] = known
		}
		for _, p := range firingOf(i) {
			if accepted[i.Owner][p.EventID()] {
				continue
			}
			if err := f.deps.Inlet.Publish(ctx, i.Event(p)); err != nil {
				return err
			}
		}
	}
	r.fired, r.found = append(r.fired, r.found...), nil
	return nil
}

// firingOf returns the plans of an invoice that are marked.
func firingOf(i *matter.Matter) []*matter.Plan {
	var out []*matter.Plan
	for n := range i.Plans {
		if i.Plans[n].State == matter.Firing {
			out = append(out, &i.Plans[n])
		}
	}
	return out
}

// finish says of everything published that it fired.
func (r *round) finish(ctx context.Context) error {
	f := r.firer
	if len(r.fired) > 0 {
		f.deps.Fault(FaultPublished)
	}
	return crew.Run(f.deps.Hands, func(give crew.Give) error {
		for _, e := range r.fired {
			var ids []string
			for _, p := range firingOf(e.Matter) {
				ids = append(ids, p.ID)
			}
			give(e.Key, func() error { return f.done(ctx, e, ids) })
		}
		return nil
	})
}

func (f *Firer) done(ctx context.Context, e book.Entry, ids []string) error {
	_, _, err := f.deps.Book.Alter(ctx, e, func(i *matter.Matter) bool { return i.Done(ids...) })
	return err
}
