package planning

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/scheduler/internal/plan"
)

// Reconcile makes timers and plans agree: timers that lack are armed, stray
// ones are removed, and plans that were finished for longer than keep are
// forgotten. A plan that is due gets a timer that is due at once.
func (p *Planner) Reconcile(ctx context.Context, keep time.Duration) error {
	// Timers first: each of them was set after its plan was stored, so one
	// whose plan is not seen afterwards is stray.
	armed, err := p.deps.Timer.Armed(ctx)
	if err != nil {
		return err
	}
	lost := 0
	err = p.deps.Book.Each(ctx, "", func(found *plan.Plan) error {
		key := TimerKey{found.Owner, found.ID}
		switch {
		case !found.State.Finished() && !armed[key]:
			lost++
			return p.deps.Timer.Arm(ctx, found)
		case !found.State.Finished():
			delete(armed, key)
		case p.old(found, keep):
			return p.deps.Book.Forget(ctx, found)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key := range armed {
		if err := p.deps.Timer.Disarm(ctx, key.Owner, key.Plan); err != nil {
			return err
		}
	}
	if lost+len(armed) > 0 {
		p.deps.Logger.Info().Int("armed", lost).Int("removed", len(armed)).Msg("timers reconciled")
	}
	return nil
}

// old reports whether a finished plan has been of no use for longer than keep.
func (p *Planner) old(found *plan.Plan, keep time.Duration) bool {
	last := found.FiredAt
	if last.IsZero() {
		last = found.DueAt
	}
	if last.IsZero() {
		last = found.DeliveredAt
	}
	return p.deps.Now().Sub(last) > keep
}
