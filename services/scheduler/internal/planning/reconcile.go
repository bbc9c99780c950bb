package planning

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
)

// Reconcile makes timers and plans agree: timers that lack are armed, the
// earliest first, stray ones are removed, and invoices about which nothing has
// happened for longer than their owner is to be remembered are forgotten. A plan
// that is due gets a timer that goes off at once. Nothing may be taken in
// meanwhile.
func (p *Planner) Reconcile(ctx context.Context, keep func(owner string) time.Duration) error {
	// Timers first: each of them was set after its plan was stored, so one
	// whose plan is not seen afterwards is stray.
	armed, err := p.deps.Timer.Armed(ctx)
	if err != nil {
		return err
	}
	a := audit{armed: armed, needed: map[timer.Moment]bool{}, lost: map[timer.Moment][]string{}}
	known := map[string]bool{}
	err = p.deps.Book.Outlines(ctx, func(e book.Entry) error {
		known[e.Matter.Owner] = true
		if e.Matter.Unfinished() {
			a.see(e)
			return nil
		}
		if p.old(e.Matter, keep(e.Matter.Owner)) {
			return p.deps.Book.Forget(ctx, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.known.are(known)
	return p.settle(ctx, &a)
}

func (p *Planner) old(i *matter.Matter, keep time.Duration) bool {
	return p.deps.Now().Sub(i.Last()) > keep
}

// audit compares what is armed with what is needed.
type audit struct {
	armed timer.Armed
	// needed are the moments of unfinished plans.
	needed map[timer.Moment]bool
	// lost are the moments to be armed, with the keys that lack.
	lost map[timer.Moment][]string
	keys int
}

func (a *audit) see(e book.Entry) {
	for _, m := range moments(e.Matter) {
		a.needed[m] = true
		if !a.armed.Keys.Has(m.MarkOf(e.Key)) {
			a.lost[m] = append(a.lost[m], e.Key)
			a.keys++
		} else if _, known := a.lost[m]; !known && !a.armed.Timers[m] {
			a.lost[m] = nil
		}
	}
}

// stray returns the moments that are armed for nothing.
func (a *audit) stray() []timer.Moment {
	var out []timer.Moment
	for _, set := range []map[timer.Moment]bool{a.armed.Timers, a.armed.Moments} {
		for m := range set {
			if !a.needed[m] {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, timer.Moment.Compare)
	return slices.Compact(out)
}

func (p *Planner) settle(ctx context.Context, a *audit) error {
	for _, m := range slices.SortedFunc(maps.Keys(a.lost), timer.Moment.Compare) {
		if err := p.deps.Timer.Arm(ctx, m, a.lost[m]...); err != nil {
			return err
		}
	}
	stray := a.stray()
	for _, m := range stray {
		if err := p.deps.Timer.Drop(ctx, m); err != nil {
			return err
		}
	}
	if len(a.lost)+len(stray) > 0 {
		p.deps.Logger.Info().Int("moments", len(a.lost)).Int("invoices", a.keys).Int("removed", len(stray)).Msg("timers reconciled")
	}
	return nil
}
