// Package firing publishes the events of plans that are due. Never early: the
// moment is looked at again. Never twice: a plan is marked before its event is
// published, the event's id follows from the plan, and whoever finds a plan
// marked looks whether its event exists before publishing it again. Ingest
// drops an event that comes twice within its window of de-duplication, which
// covers those that are published and not yet accepted.
package firing

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/scheduler/internal/book"
	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/event"
)

// Inlet is the way into Billhook.
type Inlet interface {
	// Publish returns when the event is stored.
	Publish(ctx context.Context, e *event.Event) error
}

// Ledger knows accepted events.
type Ledger interface {
	// Accepted reports whether a plan's event was accepted.
	Accepted(ctx context.Context, p *plan.Plan) (bool, error)
}

// Timer sets the timers of plans.
type Timer interface {
	Arm(ctx context.Context, p *plan.Plan) error
}

// Deps are what a firer is given.
type Deps struct {
	Book   *book.Book
	Inlet  Inlet
	Ledger Ledger
	Timer  Timer
	// Wanted reports whether a subscription of the owner still has the rule.
	Wanted func(owner string, rule due.Rule) bool
	Logger zerolog.Logger
	Now    func() time.Time
	// Grace is how long after its moment an event is not yet late.
	Grace time.Duration
	// Fault is called at every fault point; nil in production.
	Fault func(point string)
}

// Names of the fault points.
const (
	// FaultMarked lies between a plan that was marked and its event.
	FaultMarked = "firing-before-publish"
	// FaultPublished lies between a published event and the plan's end.
	FaultPublished = "published-before-fired"
)

// Firer fires plans. It may be used by many goroutines.
type Firer struct{ deps Deps }

// New returns a firer.
func New(d Deps) *Firer {
	if d.Fault == nil {
		d.Fault = func(string) {}
	}
	return &Firer{deps: d}
}

// Due does what is to be done about the plan of a key whose timer went off. It
// may be called any number of times.
func (f *Firer) Due(ctx context.Context, key string) error {
	p, changed, err := f.deps.Book.Change(ctx, key, f.decide)
	switch {
	case err != nil:
		return err
	case p.State == plan.Pending:
		// Early, by a clock that was set or a moment that was moved.
		return f.deps.Timer.Arm(ctx, &p)
	case p.State == plan.Cancelled && changed:
		f.log(&p).Msg("no subscription wants the scheduled event any more")
		return nil
	case p.State != plan.Firing:
		return nil
	case changed:
		f.deps.Fault(FaultMarked)
		return f.publish(ctx, &p)
	default:
		return f.resume(ctx, &p)
	}
}

func (f *Firer) log(p *plan.Plan) *zerolog.Event {
	return f.deps.Logger.Info().Str("owner", p.Owner).Str("plan", p.ID)
}

// decide marks a plan that is due, or cancels it when nobody wants it.
func (f *Firer) decide(old *plan.Plan) (plan.Plan, bool) {
	if old == nil {
		return plan.Plan{}, false
	}
	next, fires := old.Fire(f.deps.Now(), f.deps.Grace)
	if !fires {
		return next, false
	}
	at, err := due.ParseTimeOfDay(old.Time)
	if err == nil && f.deps.Wanted(old.Owner, due.Rule{Days: old.Days, At: at}) {
		return next, true
	}
	return old.Cancel("no subscription wants it", old.Seq)
}

// resume ends the firing that somebody began.
func (f *Firer) resume(ctx context.Context, p *plan.Plan) error {
	accepted, err := f.deps.Ledger.Accepted(ctx, p)
	if err != nil {
		return err
	}
	if accepted {
		return f.done(ctx, p)
	}
	return f.publish(ctx, p)
}

func (f *Firer) publish(ctx context.Context, p *plan.Plan) error {
	if err := f.deps.Inlet.Publish(ctx, p.Event()); err != nil {
		return err
	}
	f.deps.Fault(FaultPublished)
	return f.done(ctx, p)
}

func (f *Firer) done(ctx context.Context, p *plan.Plan) error {
	_, _, err := f.deps.Book.Change(ctx, p.Key(), func(old *plan.Plan) (plan.Plan, bool) {
		if old == nil || old.State != plan.Firing {
			return *p, false
		}
		return old.Done(), true
	})
	return err
}
