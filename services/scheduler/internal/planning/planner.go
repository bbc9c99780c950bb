// Package planning makes plans out of deliveries of invoices, of due dates and
// of usage, makes them anew when what is wanted or a zone changes, cancels them
// when an invoice, a service or an account is no more, and keeps plans and
// timers together. It refuses to fire.
// All it does bears repetition: an event that was taken in changes nothing a
// second time.
package planning

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/services/scheduler/internal/crew"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/shared/event"
)

// Timer wakes the scheduler at due moments. It may be early or lose a timer:
// the moment is checked again, and lost timers are armed again.
type Timer interface {
	// Arm notes the keys of invoices at a moment and sets its timer. A moment
	// that has passed goes off at once.
	Arm(ctx context.Context, m timer.Moment, keys ...string) error
	// Drop removes the timer of a moment and all keys behind it.
	Drop(ctx context.Context, m timer.Moment) error
	// Armed returns what is set.
	Armed(ctx context.Context) (timer.Armed, error)
}

// tokenZone is the token in which a delivery may say a zone.
const tokenZone = "Account.TimeZone"

// Deps are what a planner is given.
type Deps struct {
	Book   *book.Book
	Timer  Timer
	Zones  *zones.Zones
	Logger zerolog.Logger
	Now    func() time.Time
	// Wishes returns the present wishes of an owner, Derive what it wants
	// derived.
	Wishes func(owner string) matter.Wishes
	Derive func(owner string) owner.Derive
	// Hands is how many invoices are worked on at once.
	Hands int
}

// Planner makes plans.
type Planner struct {
	deps  Deps
	known owners
}

// New returns a planner.
func New(d Deps) *Planner { return &Planner{deps: d} }

// Deliver takes a delivery in and plans for it by every wish. What was
// delivered before a wish began is planned only if its moment is ahead.
func (p *Planner) Deliver(ctx context.Context, d matter.News) error {
	wanted := p.deps.Wishes(d.Owner)
	place, err := p.place(ctx, p.deps.Zones, subject(d, d.Values))
	if err != nil {
		return err
	}
	if place.Zone == nil && len(wanted) > 0 {
		p.deps.Logger.Error().Str("owner", d.Owner).Str("account", d.Account).Str("event", d.Event).Str("reason", place.Refusal).
			Msg("events after this delivery cannot be planned")
	}
	derived := p.deps.Derive(d.Owner)
	p.known.add(d.Owner)
	return p.change(ctx, d.Key(), func(i *matter.Matter) bool {
		if !i.Deliver(d) {
			return false
		}
		i.Replan(wanted, place, p.deps.Now())
		i.Derive(derived, place, time.Time{})
		return true
	})
}

// Post takes in that an invoice was posted. One that is not delivered is kept
// only for an owner for whom overdue events are derived.
func (p *Planner) Post(ctx context.Context, n matter.News) error {
	return p.take(ctx, n.Key(), n, func(i *matter.Matter, in intent) bool {
		if i.Name == "" && !in.Overdue {
			return false
		}
		if !in.Overdue {
			return i.Learn(n)
		}
		return i.Post(n)
	})
}

// Learn takes newer values of an invoice in, if it is known.
func (p *Planner) Learn(ctx context.Context, n matter.News) error {
	return p.take(ctx, n.Key(), n, func(i *matter.Matter, _ intent) bool { return i.Learn(n) })
}

// Tell takes in that an event says that an invoice is overdue.
func (p *Planner) Tell(ctx context.Context, n matter.News) error {
	return p.take(ctx, n.Key(), n, func(i *matter.Matter, in intent) bool {
		return (i.Name != "" || in.Overdue) && i.Tell(n)
	})
}

// See takes usage of a service in, where dormancy is derived, and returns up to
// when further usage changes nothing.
func (p *Planner) See(ctx context.Context, n matter.News) (through time.Time, err error) {
	err = p.take(ctx, n.ServiceKey(), n, func(i *matter.Matter, in intent) bool {
		changed := in.DormantAfterDays > 0 && i.See(n, in.place)
		if i.Usage != nil {
			through = i.Usage.Through
		}
		return changed
	})
	return through, err
}

// Sleep takes in that an event says that a service is dormant.
func (p *Planner) Sleep(ctx context.Context, n matter.News) error {
	return p.take(ctx, n.ServiceKey(), n, func(i *matter.Matter, in intent) bool {
		return (i.Name != "" || in.DormantAfterDays > 0) && i.Sleep(n)
	})
}

// intent is what an owner wants derived, and where.
type intent struct {
	owner.Derive
	place matter.Place
}

// take takes news of a matter in, and plans what is derived.
func (p *Planner) take(ctx context.Context, key string, n matter.News, decide func(*matter.Matter, intent) bool) error {
	in := intent{Derive: p.deps.Derive(n.Owner)}
	derives := in.Derive != (owner.Derive{})
	if derives {
		p.known.add(n.Owner)
	}
	if !p.known.may(n.Owner) {
		return nil
	}
	e, err := p.deps.Book.Get(ctx, key)
	if err != nil {
		return err
	}
	if derives {
		if in.place, err = p.place(ctx, p.deps.Zones, subject(n, n.Values, e.Matter.Values)); err != nil {
			return err
		}
	}
	return p.alter(ctx, e, func(i *matter.Matter) bool {
		if !decide(i, in) {
			return false
		}
		i.Derive(in.Derive, in.place, time.Time{})
		return true
	})
}

// subject is what a zone is wanted for: the first of the values that say one
// count.
func subject(n matter.News, values ...event.Values) zones.Subject {
	out := zones.Subject{Owner: n.Owner, Account: n.Account}
	for _, v := range values {
		out.Said = cmp.Or(out.Said, v.Text(tokenZone))
	}
	return out
}

// End cancels what is planned for the matter of a key. The event is why.
func (p *Planner) End(ctx context.Context, key string, n matter.News) error {
	if !p.known.may(n.Owner) {
		return nil
	}
	return p.change(ctx, key, func(i *matter.Matter) bool { return i.End(n) })
}

// EndAll is [Planner.End] for what belongs to the account of an event and is
// concerned.
func (p *Planner) EndAll(ctx context.Context, n matter.News, concerned func(*matter.Matter) bool) error {
	if !p.known.may(n.Owner) {
		return nil
	}
	return p.each(ctx, []string{matter.OfAccount(n.Owner, n.Account)}, func(e book.Entry) error {
		return p.alter(ctx, e, func(i *matter.Matter) bool { return concerned(i) && i.End(n) })
	})
}

// Replan makes the plans of all invoices whose keys begin with one of the
// prefixes, or of all that there are, agree with the present wishes and zones.
func (p *Planner) Replan(ctx context.Context, prefixes ...string) error {
	known := p.deps.Zones.Remembering()
	return p.each(ctx, prefixes, func(e book.Entry) error {
		i := e.Matter
		place, err := p.place(ctx, known, zones.Subject{Owner: i.Owner, Account: i.Account, Said: i.Values.Text(tokenZone)})
		if err != nil {
			return err
		}
		return p.alter(ctx, e, func(i *matter.Matter) bool {
			now := p.deps.Now()
			replanned := i.Replan(p.deps.Wishes(i.Owner), place, now)
			return i.Derive(p.deps.Derive(i.Owner), place, now) || replanned
		})
	})
}

func (p *Planner) each(ctx context.Context, prefixes []string, work func(book.Entry) error) error {
	return crew.Run(p.deps.Hands, func(give crew.Give) error {
		return p.deps.Book.Each(ctx, prefixes, func(e book.Entry) error {
			give(e.Key, func() error { return work(e) })
			return ctx.Err()
		})
	})
}

// place returns where a plan is reckoned.
func (p *Planner) place(ctx context.Context, z *zones.Zones, s zones.Subject) (matter.Place, error) {
	zone, err := z.Of(ctx, s)
	if errors.Is(err, zones.ErrNone) {
		return matter.Place{Refusal: err.Error()}, nil
	}
	return matter.Place{Zone: zone}, err
}

func (p *Planner) change(ctx context.Context, key string, decide book.Decide) error {
	e, err := p.deps.Book.Get(ctx, key)
	if err != nil {
		return err
	}
	return p.alter(ctx, e, decide)
}

// alter stores the invoice first and its timers second: a timer is made again
// when it lacks.
func (p *Planner) alter(ctx context.Context, e book.Entry, decide book.Decide) error {
	var before []timer.Moment
	now, changed, err := p.deps.Book.Alter(ctx, e, func(i *matter.Matter) bool {
		before = moments(i)
		return decide(i)
	})
	if err != nil || !changed {
		return err
	}
	for _, m := range moments(now.Matter) {
		if slices.Contains(before, m) {
			continue
		}
		if err := p.deps.Timer.Arm(ctx, m, e.Key); err != nil {
			return err
		}
	}
	return nil
}

// moments returns those at which something of a matter is to be looked at.
func moments(i *matter.Matter) (out []timer.Moment) {
	for n := range i.Plans {
		p := &i.Plans[n]
		if p.State.Finished() {
			continue
		}
		if m := timer.At(i.Part, p.Wakes()); !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	return out
}
