package attempt

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/streams/settle"
)

// patience is how long the configuration may be later than the delivery that
// names it.
const patience = 5 * time.Second

// Find returns the target of w, or why there is none.
func (m *Maker) Find(w *settle.Work) (*target.Target, *target.Refusal) {
	return m.Targets.Find(&w.Delivery, Endpoint(w))
}

// FindAnyway is Find also for an endpoint that its owner disabled.
func (m *Maker) FindAnyway(w *settle.Work) (*target.Target, *target.Refusal) {
	return m.Targets.FindAnyway(&w.Delivery, Endpoint(w))
}

// Freeze renders what would be sent, where it is not yet.
func (m *Maker) Freeze(ctx context.Context, w *settle.Work, t *target.Target) error {
	if Frozen(w) {
		return nil
	}
	return m.freeze(ctx, w, preparing{target: t})
}

// Confirm is Find for work that was just refused, once that is sure: the
// configuration may be on its way. It waits for it, so it is not for a
// goroutine that has other work.
func (m *Maker) Confirm(ctx context.Context, w *settle.Work, r *target.Refusal) *target.Refusal {
	if !r.Early {
		return r
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, r = m.Targets.Await(ctx, &w.Delivery, Endpoint(w))
	return r
}

// Refused ends a delivery that has no target.
func (m *Maker) Refused(w *settle.Work, r *target.Refusal) Made {
	e := Ending{Result: r.Result, Reason: r.Reason, Endpoint: r.Endpoint}
	if r.Err != nil {
		e.Detail = r.Err.Error()
	}
	return m.End(w, e)
}
