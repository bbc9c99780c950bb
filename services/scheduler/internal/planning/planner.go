// Package planning makes plans out of deliveries of invoices, cancels them
// when an invoice or an account is no more, and keeps plans and timers
// together. It refuses to fire. All it does bears repetition: an event that
// was taken in changes nothing a second time.
package planning

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/scheduler/internal/book"
	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/wishes"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/shared/event"
)

// Timer wakes the scheduler when plans are due. It may be early or lose a
// timer: the moment is checked again, and lost timers are armed again.
type Timer interface {
	// Arm sets the timer of a plan, in place of an earlier one.
	Arm(ctx context.Context, p *plan.Plan) error
	// Disarm removes the timer with an owner's plan.
	Disarm(ctx context.Context, owner, id string) error
	// Armed returns the timers that are set.
	Armed(ctx context.Context) (map[TimerKey]bool, error)
}

// TimerKey names a timer.
type TimerKey struct{ Owner, Plan string }

// Zones finds time zones.
type Zones interface {
	// Of returns the zone for an event. An error that wraps [zones.ErrNone]
	// is final.
	Of(ctx context.Context, e *event.Event) (*time.Location, error)
}

// Deps are what a planner is given.
type Deps struct {
	Book   *book.Book
	Timer  Timer
	Zones  Zones
	Logger zerolog.Logger
	Now    func() time.Time
	// Carries reports whether the scheduled event may carry a token.
	Carries func(token string) bool
}

// Planner makes plans.
type Planner struct{ deps Deps }

// New returns a planner.
func New(d Deps) *Planner { return &Planner{deps: d} }

// Delivery is an accepted event that an invoice was delivered.
type Delivery struct {
	Event *event.Event
	// Seq is its sequence in EVENTS, Part its partition.
	Seq  uint64
	Part int
}

// Plan plans an event for a delivery by every wish. What was delivered before
// a wish began is planned only if its moment is ahead.
func (p *Planner) Plan(ctx context.Context, d Delivery, wanted wishes.Wishes) error {
	if len(wanted) == 0 {
		return nil
	}
	invoice := invoiceOf(d.Event)
	if invoice == "" {
		p.deps.Logger.Error().Str("owner", d.Event.Owner).Str("event", d.Event.ID).Msg("delivery names no invoice; nothing is planned")
		return nil
	}
	zone, refusal, err := p.zone(ctx, d.Event)
	if err != nil {
		return err
	}
	for _, rule := range slices.SortedFunc(maps.Keys(wanted), due.Rule.Compare) {
		next := p.draft(d, invoice, rule)
		if zone != nil {
			next.Zone, next.DueAt = zone.String(), rule.After(next.DeliveredAt, zone)
		} else {
			next.State, next.Reason = plan.Refused, refusal
		}
		if d.Seq <= wanted[rule] && !next.DueAt.After(p.deps.Now()) {
			continue
		}
		if err := p.save(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// zone returns the zone, or why there is none.
func (p *Planner) zone(ctx context.Context, e *event.Event) (_ *time.Location, refusal string, err error) {
	zone, err := p.deps.Zones.Of(ctx, e)
	if errors.Is(err, zones.ErrNone) {
		p.deps.Logger.Error().Err(err).Str("owner", e.Owner).Str("account", e.Account).Str("event", e.ID).
			Msg("events after this delivery cannot be planned")
		return nil, err.Error(), nil
	}
	return zone, "", err
}

func (p *Planner) draft(d Delivery, invoice string, rule due.Rule) plan.Plan {
	e := d.Event
	values := make(event.Values, len(e.Data))
	for token, v := range e.Data {
		if p.deps.Carries(token) {
			values[token] = v
		}
	}
	return plan.Plan{
		ID: plan.ID(e.Owner, invoice, rule), Owner: e.Owner, Account: e.Account, Part: d.Part, Invoice: invoice,
		Days: rule.Days, Time: rule.At.String(), State: plan.Pending, Seq: d.Seq,
		Delivery: e.ID, DeliveredAt: deliveredAt(e), Values: values,
	}
}

// save stores the plan first and its timer second: a timer is made again when
// it lacks.
func (p *Planner) save(ctx context.Context, next plan.Plan) error {
	now, changed, err := p.deps.Book.Change(ctx, next.Key(), func(old *plan.Plan) (plan.Plan, bool) {
		return plan.Replan(old, next)
	})
	switch {
	case err != nil || now.Seq != next.Seq:
		return err
	case now.State == plan.Pending:
		return p.deps.Timer.Arm(ctx, &now)
	case changed && now.State == plan.Refused:
		return p.deps.Timer.Disarm(ctx, now.Owner, now.ID)
	}
	return nil
}

// Cancel cancels the pending plans whose keys begin with a prefix: those of an
// invoice or of an account. The event of the sequence is why.
func (p *Planner) Cancel(ctx context.Context, prefix, reason string, seq uint64) error {
	return p.deps.Book.Each(ctx, prefix, func(found *plan.Plan) error {
		if found.State != plan.Pending {
			return nil
		}
		return p.cancel(ctx, found, reason, seq)
	})
}

func (p *Planner) cancel(ctx context.Context, found *plan.Plan, reason string, seq uint64) error {
	now, _, err := p.deps.Book.Change(ctx, found.Key(), func(old *plan.Plan) (plan.Plan, bool) {
		if old == nil {
			return *found, false
		}
		return old.Cancel(reason, seq)
	})
	if err != nil || now.State != plan.Cancelled {
		return err
	}
	return p.deps.Timer.Disarm(ctx, now.Owner, now.ID)
}
