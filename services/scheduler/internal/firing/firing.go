// Package firing publishes the events of plans that are due. Never early: the
// moment is looked at again. Never twice: a plan is marked before its event is
// published, the event's id follows from the plan, and whoever finds a plan
// marked looks whether its event exists before publishing it again. Ingest
// drops an event that comes twice within its window of de-duplication, which
// covers those that are published and not yet accepted.
package firing

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/services/scheduler/internal/crew"
	"github.com/billhook/billhook/shared/event"
)

// Inlet is the way into Billhook.
type Inlet interface {
	// Publish returns when the event is stored.
	Publish(ctx context.Context, e *event.Event) error
}

// Ledger knows accepted events.
type Ledger interface {
	// Accepted returns those of the owner's scheduled events that were
	// accepted since a moment, by their ids.
	Accepted(ctx context.Context, part int, owner string, since time.Time) (map[string]bool, error)
}

// Timer has the keys behind a timer.
type Timer interface {
	// Keys visits the keys at a moment and returns a mark behind the last.
	Keys(ctx context.Context, m timer.Moment, visit func(key string) error) (upTo uint64, err error)
	// Clear removes the keys up to the mark.
	Clear(ctx context.Context, m timer.Moment, upTo uint64) error
	// Arm notes keys at a moment and sets its timer.
	Arm(ctx context.Context, m timer.Moment, keys ...string) error
}

// Unread knows what was accepted and not yet taken in.
type Unread interface {
	// Of returns what tells whether something unread of an owner is, or may
	// be, about the matter of a key.
	Of(ctx context.Context, part int, owner string) (func(key string) bool, error)
}

// Deps are what a firer is given.
type Deps struct {
	Book   *book.Book
	Inlet  Inlet
	Ledger Ledger
	Unread Unread
	Timer  Timer
	// Wanted returns what tells whether a subscription of the owner still has
	// the schedule of a plan.
	Wanted func(owner string) func(*matter.Plan) bool
	Logger zerolog.Logger
	Now    func() time.Time
	// Grace is how long after its moment an event is not yet late.
	Grace time.Duration
	// Hands is how many invoices are worked on at once.
	Hands int
	// Pace waits before each event that is late; nil does not.
	Pace func(ctx context.Context) error
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
	if d.Pace == nil {
		d.Pace = func(context.Context) error { return nil }
	}
	return &Firer{deps: d}
}

// Late reports whether a moment has passed for longer than the grace.
func (f *Firer) Late(m timer.Moment) bool { return f.deps.Now().Sub(m.Time()) > f.deps.Grace }

// ErrEarly is returned for a moment that has not come yet: by a clock that was
// set, or one that differs from the timer's.
var ErrEarly = errors.New("the moment has not come yet")

// ErrUnread is returned for a moment at which a derived event waits for events
// or settings that are still to be taken in. The others have fired.
var ErrUnread = errors.New("something about it is still to be taken in")

// Due does what is to be done at a moment whose timer went off. It may be
// called any number of times. It fails with [ErrEarly] before the moment, and
// with [ErrUnread].
func (f *Firer) Due(ctx context.Context, m timer.Moment) error {
	r := round{
		firer: f, moment: m.Time(), late: f.Late(m), began: f.deps.Now(), unread: map[string]answer{}, again: map[string]bool{},
	}
	if r.began.Before(r.moment) {
		return ErrEarly
	}
	var upTo uint64
	err := crew.Run(f.deps.Hands, func(give crew.Give) (err error) {
		upTo, err = f.deps.Timer.Keys(ctx, m, func(key string) error {
			if r.late {
				if err := f.deps.Pace(ctx); err != nil {
					return err
				}
			}
			give(key, func() error { return r.fire(ctx, key) })
			return ctx.Err()
		})
		return err
	})
	if err != nil {
		return err
	}
	if err := r.resume(ctx); err != nil {
		return err
	}
	if err := r.finish(ctx); err != nil {
		return err
	}
	if r.held {
		return ErrUnread
	}
	return f.deps.Timer.Clear(ctx, m, upTo)
}

// round is what becomes of one moment.
type round struct {
	firer  *Firer
	moment time.Time
	late   bool
	// began is when, which is not before the moment.
	began time.Time

	mu sync.Mutex
	// fired are the invoices of which something was published, found those of
	// which something was marked by somebody else.
	fired, found []book.Entry
	// unread are the answers for owners, held whether one made a plan wait,
	// again the services that are looked at again later.
	unread map[string]answer
	held   bool
	again  map[string]bool
}

// fresh is how long an answer about what is unread serves.
const fresh = time.Second

// answer is one about what is unread of an owner, with the moment of asking.
type answer struct {
	holds func(key string) bool
	at    time.Time
}

// now is never before the round began, though the clock may be set back.
func (r *round) now() time.Time {
	if now := r.firer.deps.Now(); now.After(r.began) {
		return now
	}
	return r.began
}

// fire marks what is due of an invoice and publishes it.
func (r *round) fire(ctx context.Context, key string) error {
	f := r.firer
	var marked []string
	var held bool
	var wrong error
	e, changed, err := f.deps.Book.Try(ctx, key, func(i *matter.Matter) (changed bool) {
		held = false
		wanted := f.deps.Wanted(i.Owner)
		hold := func(p *matter.Plan) bool {
			waits, err := r.holds(ctx, i, key)
			waits = waits || err != nil || !wanted(p)
			held, wrong = held || waits, errors.Join(wrong, err)
			return waits
		}
		marked, changed = i.Fire(matter.Judge{Now: r.now(), Moment: r.moment, Grace: f.deps.Grace, Wanted: wanted, Hold: hold})
		return changed
	})
	if err = errors.Join(err, wrong); err != nil {
		return err
	}
	if err := r.lookAgain(ctx, e); err != nil {
		return err
	}
	if changed {
		f.deps.Fault(FaultMarked)
	}
	for _, id := range marked {
		if err := f.deps.Inlet.Publish(ctx, e.Matter.Event(e.Matter.Plan(id))); err != nil {
			return err
		}
	}
	r.note(e, len(marked), held)
	return nil
}

// holds reports whether something unread may be about a matter.
func (r *round) holds(ctx context.Context, i *matter.Matter, key string) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, ok := r.unread[i.Owner]
	if now := r.firer.deps.Now(); !ok || now.Sub(known.at) > fresh {
		holds, err := r.firer.deps.Unread.Of(ctx, i.Part, i.Owner)
		if err != nil {
			return false, err
		}
		known = answer{holds, now}
		r.unread[i.Owner] = known
	}
	return known.holds(key), nil
}

// lookAgain sets the next timer of a service that was used since this one was
// set. Whoever comes after a crash sets it too.
func (r *round) lookAgain(ctx context.Context, e book.Entry) error {
	at := e.Matter.Again()
	if !at.After(r.moment) {
		return nil
	}
	r.mu.Lock()
	done := r.again[e.Key]
	r.again[e.Key] = true
	r.mu.Unlock()
	if done {
		return nil
	}
	return r.firer.deps.Timer.Arm(ctx, timer.At(e.Matter.Part, at), e.Key)
}

// note keeps an invoice of which so many plans were published for later, and
// whether one is held.
func (r *round) note(e book.Entry, marked int, held bool) {
	firing := 0
	for n := range e.Matter.Plans {
		if e.Matter.Plans[n].State == matter.Firing {
			firing++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = r.held || held
	switch {
	case firing > marked:
		r.found = append(r.found, e)
	case marked > 0:
		r.fired = append(r.fired, e)
	}
}
