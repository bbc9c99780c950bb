package planning_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// world is the scheduler's surroundings under a scripted clock. When it
// crashes, everything in it fails until somebody tries again.
type world struct {
	now    time.Time
	wanted matter.Wishes
	// derive is what the owner wants derived, derives what is planned by, and
	// unread what was accepted and not yet taken in; both are set by who tests
	// them.
	derive  owner.Derive
	derives func(string) owner.Derive
	unread  firing.Unread
	// account and owner are the zones that are configured.
	account, owner string

	mu      sync.Mutex
	shelf   map[string]shelved
	reads   int
	pad     pad
	behind  bool // whether the last look at a replica found nothing
	timers  map[timer.Moment]bool
	inbox   []*event.Event
	logged  map[string]time.Time
	stored  func(before, after *matter.Matter)
	crash   int // operations until the next crash; below 0 for none
	crashed bool
	// meanwhile is run once, before a value is stored.
	meanwhile func()

	planner *planning.Planner
	firer   *firing.Firer
}

type shelved struct {
	matter   *matter.Matter
	revision uint64
}

var errCrash = errors.New("crash")

const grace = 5 * time.Second

func newWorld() *world {
	w := &world{
		now: time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), wanted: matter.Wishes{}, owner: "UTC",
		shelf: map[string]shelved{}, pad: newPad(), timers: map[timer.Moment]bool{},
		logged: map[string]time.Time{}, crash: -1, derives: func(string) owner.Derive { return owner.Derive{} }, stored: func(_, _ *matter.Matter) {},
	}
	now := func() time.Time { return w.now }
	invoices := book.New(w)
	w.planner = planning.New(planning.Deps{
		Book: invoices, Timer: w, Zones: zones.New(names{w}), Logger: zerolog.Nop(), Now: now, Hands: 1,
		Wishes: func(string) matter.Wishes { return w.wanted },
		Derive: func(id string) owner.Derive { return w.derives(id) },
	})
	w.firer = firing.New(firing.Deps{
		Book: invoices, Inlet: w, Ledger: w, Unread: w, Timer: w, Logger: zerolog.Nop(), Now: now, Grace: grace, Hands: 1,
		Wanted: func(string) func(*matter.Plan) bool {
			return func(p *matter.Plan) bool {
				switch p.Kind {
				case matter.Overdue:
					return w.derive.Overdue
				case matter.Dormant:
					return w.derive.DormantAfterDays == p.Days
				}
				for rule := range w.wanted {
					if matter.ID("acme", nameOf(w, p.ID), rule) == p.ID {
						return true
					}
				}
				return false
			}
		},
		Fault: func(string) { _ = w.step() },
	})
	return w
}

// nameOf returns the name of the invoice that has a plan.
func nameOf(w *world, plan string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.shelf {
		if s.matter != nil && s.matter.Plan(plan) != nil {
			return s.matter.Name
		}
	}
	return ""
}

// step is one operation, which may be the one that crashes.
func (w *world) step() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.crash--; w.crash == -1 {
		w.crashed = true
	}
	if w.crashed {
		return errCrash
	}
	return nil
}

// attempt runs something and reports whether it crashed; then the world is
// whole again.
func (w *world) attempt(do func() error) (crashed bool, err error) {
	err = do()
	w.mu.Lock()
	defer w.mu.Unlock()
	crashed = w.crashed
	if w.crashed = false; errors.Is(err, errCrash) || errors.Is(err, firing.ErrEarly) || errors.Is(err, firing.ErrUnread) {
		err = nil
	}
	return crashed, err
}

func clone(i *matter.Matter) *matter.Matter {
	if i == nil {
		return new(matter.Matter)
	}
	c := *i
	c.Plans = slices.Clone(i.Plans)
	if i.Usage != nil {
		u := *i.Usage
		c.Usage = &u
	}
	c.Present = maps.Clone(i.Present)
	return &c
}

func (w *world) Get(_ context.Context, key string) (book.Entry, error) {
	if err := w.step(); err != nil {
		return book.Entry{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	s := w.shelf[key]
	return book.Entry{Key: key, Matter: clone(s.matter), Revision: s.revision}, nil
}

// Peek is behind by whatever comes in the middle of the change.
func (w *world) Peek(ctx context.Context, key string) (book.Entry, error) {
	if w.behind = !w.behind; w.behind {
		return book.Entry{Key: key, Matter: new(matter.Matter)}, nil
	}
	return w.Get(ctx, key)
}

func (w *world) Put(_ context.Context, e book.Entry) (uint64, error) {
	if do := w.meanwhile; do != nil {
		w.meanwhile = nil
		do()
	}
	if err := w.step(); err != nil {
		return 0, err
	}
	w.mu.Lock()
	before := w.shelf[e.Key]
	if before.revision != e.Revision {
		w.mu.Unlock()
		return 0, fault.New(fault.Conflict, "put", e.Key, nil)
	}
	next := shelved{revision: e.Revision + 1}
	if e.Matter != nil {
		next.matter = clone(e.Matter)
	}
	w.shelf[e.Key] = next
	w.mu.Unlock()
	w.stored(clone(before.matter), clone(next.matter))
	return next.revision, w.step()
}

func (w *world) Each(_ context.Context, prefixes []string, visit func(book.Entry) error) error {
	w.mu.Lock()
	w.reads++
	var found []book.Entry
	for key, s := range w.shelf {
		under := len(prefixes) == 0
		for _, p := range prefixes {
			under = under || strings.HasPrefix(key, p+".")
		}
		if under && s.matter != nil {
			found = append(found, book.Entry{Key: key, Matter: clone(s.matter), Revision: s.revision})
		}
	}
	w.mu.Unlock()
	slices.SortFunc(found, func(a, b book.Entry) int { return strings.Compare(a.Key, b.Key) })
	for _, e := range found {
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Outlines(ctx context.Context, visit func(book.Entry) error) error {
	return w.Each(ctx, nil, visit)
}

func (w *world) Arm(_ context.Context, m timer.Moment, keys ...string) error {
	if err := w.step(); err != nil {
		return err
	}
	w.note(m, keys...)
	if err := w.step(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timers[m] = true
	return nil
}

func (w *world) note(m timer.Moment, keys ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pad.note(m, keys...)
}

func (w *world) Drop(_ context.Context, m timer.Moment) error {
	if err := w.step(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.timers, m)
	delete(w.pad.keys, m)
	return nil
}

func (w *world) Armed(context.Context) (timer.Armed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := timer.Armed{Timers: map[timer.Moment]bool{}, Moments: map[timer.Moment]bool{}}
	for m := range w.timers {
		a.Timers[m] = true
	}
	for m, keys := range w.pad.keys {
		a.Moments[m] = true
		for _, k := range keys {
			a.Keys.Add(m.MarkOf(k.key))
		}
	}
	a.Keys.Sort()
	return a, nil
}

func (w *world) Keys(_ context.Context, m timer.Moment, visit func(string) error) (upTo uint64, err error) {
	w.mu.Lock()
	keys := slices.Clone(w.pad.keys[m])
	w.mu.Unlock()
	return visitAll(keys, visit)
}

func (w *world) Clear(_ context.Context, m timer.Moment, upTo uint64) error {
	if err := w.step(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pad.clear(m, upTo)
	return nil
}

func (w *world) Publish(_ context.Context, e *event.Event) error {
	if err := w.step(); err != nil {
		return err
	}
	w.mu.Lock()
	w.inbox = append(w.inbox, e)
	w.mu.Unlock()
	return w.step()
}

func (w *world) Accepted(context.Context, int, string, time.Time) (map[string]bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]bool{}
	for id := range w.logged {
		out[id] = true
	}
	return out, nil
}

func (w *world) Of(ctx context.Context, part int, owner string) (func(string) bool, error) {
	if err := w.step(); err != nil {
		return nil, err
	}
	return w.unread.Of(ctx, part, owner)
}

// names are the zones of the world.
type names struct{ w *world }

func (n names) Account(context.Context, string, string) (string, error) { return n.w.account, nil }
func (n names) Owner(context.Context, string) (string, error)           { return n.w.owner, nil }
