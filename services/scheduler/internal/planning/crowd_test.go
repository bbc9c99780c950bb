package planning_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// crowd is surroundings in which planners, firers and operators are at work at
// the same time. Every value that is stored is judged.
type crowd struct {
	now    atomic.Int64 // Unix seconds
	wanted atomic.Pointer[matter.Wishes]
	zone   atomic.Pointer[string]
	// blind stores whatever the revision is: a broken compare-and-set.
	blind bool

	mu        sync.Mutex
	shelf     map[string]shelved
	pad       pad
	published map[string]bool
	// began is how often each plan began to fire.
	began map[string]int
	wrong []string

	book    *book.Book
	planner *planning.Planner
	firers  []*firing.Firer
}

func newCrowd(blind bool) *crowd {
	c := &crowd{
		blind: blind, shelf: map[string]shelved{}, pad: newPad(), published: map[string]bool{}, began: map[string]int{},
	}
	c.now.Store(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC).Unix())
	c.settle("UTC", matter.Wishes{})
	c.book = book.New(c)
	c.planner = planning.New(planning.Deps{
		Book: c.book, Timer: c, Zones: zones.New(c), Logger: zerolog.Nop(), Now: c.clock, Hands: 8,
		Wishes: func(string) matter.Wishes { return *c.wanted.Load() },
		Derive: func(string) owner.Derive { return owner.Derive{} },
	})
	for range 2 {
		c.firers = append(c.firers, firing.New(firing.Deps{
			Book: c.book, Inlet: c, Ledger: c, Timer: c, Logger: zerolog.Nop(), Now: c.clock, Grace: grace, Hands: 8,
			Wanted: func(string) func(*matter.Plan) bool { return c.wants },
		}))
	}
	return c
}

func (c *crowd) clock() time.Time { return time.Unix(c.now.Load(), 0).UTC() }

func (c *crowd) settle(zone string, wanted matter.Wishes) {
	c.zone.Store(&zone)
	c.wanted.Store(&wanted)
}

func (c *crowd) wants(p *matter.Plan) bool {
	for rule := range *c.wanted.Load() {
		if p.Days == rule.Days && p.Time == rule.At.String() {
			return true
		}
	}
	return false
}

func (c *crowd) Account(context.Context, string, string) (string, error) { return *c.zone.Load(), nil }
func (c *crowd) Owner(context.Context, string) (string, error)           { return "UTC", nil }

func (c *crowd) Get(_ context.Context, key string) (book.Entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shelf[key]
	return book.Entry{Key: key, Matter: clone(s.matter), Revision: s.revision}, nil
}

func (c *crowd) Peek(ctx context.Context, key string) (book.Entry, error) { return c.Get(ctx, key) }

func (c *crowd) Put(_ context.Context, e book.Entry) (uint64, error) {
	runtime.Gosched() // somebody else is faster now and then
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.shelf[e.Key]
	if before.revision != e.Revision && !c.blind {
		return 0, fault.New(fault.Conflict, "put", e.Key, nil)
	}
	next := shelved{revision: before.revision + 1, matter: clone(e.Matter)}
	c.check(clone(before.matter), next.matter)
	c.shelf[e.Key] = next
	return next.revision, nil
}

// check judges a value that is stored.
func (c *crowd) check(before, after *matter.Matter) {
	for n := range after.Plans {
		p, was := &after.Plans[n], matter.Pending
		if old := before.Plan(p.ID); old != nil {
			was = old.State
		}
		fires, fired := fires(p.State), fires(was)
		switch {
		case fired && !fires:
			c.wrong = append(c.wrong, fmt.Sprintf("%s was %s and became %s", p.ID, was, p.State))
		case fires && was == matter.Cancelled:
			c.wrong = append(c.wrong, fmt.Sprintf("%s was cancelled and fires", p.ID))
		case fires && !fired:
			c.began[p.ID]++
		}
	}
}

func fires(s matter.State) bool { return s == matter.Firing || s == matter.Fired }

func (c *crowd) Each(_ context.Context, prefixes []string, visit func(book.Entry) error) error {
	c.mu.Lock()
	keys := slices.Sorted(maps.Keys(c.shelf))
	c.mu.Unlock()
	for _, key := range keys {
		under := len(prefixes) == 0 || slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p+".") })
		if !under {
			continue
		}
		e, _ := c.Get(context.Background(), key)
		if err := visit(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) Outlines(ctx context.Context, visit func(book.Entry) error) error {
	return c.Each(ctx, nil, visit)
}

func (c *crowd) Arm(_ context.Context, m timer.Moment, keys ...string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pad.note(m, keys...)
	return nil
}

func (c *crowd) Drop(context.Context, timer.Moment) error   { return nil }
func (c *crowd) Armed(context.Context) (timer.Armed, error) { return timer.Armed{}, nil }

func (c *crowd) Keys(_ context.Context, m timer.Moment, visit func(string) error) (upTo uint64, err error) {
	c.mu.Lock()
	keys := slices.Clone(c.pad.keys[m])
	c.mu.Unlock()
	return visitAll(keys, visit)
}

func (c *crowd) Clear(_ context.Context, m timer.Moment, upTo uint64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pad.clear(m, upTo)
	return nil
}

func (c *crowd) Publish(_ context.Context, e *event.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.published[e.ID] = true // ingest drops the second of an id
	return nil
}

func (c *crowd) Accepted(context.Context, int, string, time.Time) (map[string]bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.published), nil
}

// goOff lets one firer do what is due at every moment that has come.
func (c *crowd) goOff(ctx context.Context, f *firing.Firer) error {
	c.mu.Lock()
	moments := slices.SortedFunc(maps.Keys(c.pad.keys), timer.Moment.Compare)
	c.mu.Unlock()
	for _, m := range moments {
		if m.Time().After(c.clock()) {
			continue
		}
		if err := f.Due(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// work is what somebody in the crowd does.
type work func(ctx context.Context) error

// shuffled returns works in an order that a seed gives.
func shuffled(seed uint64, works ...work) work {
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // an order
	rnd.Shuffle(len(works), func(a, b int) { works[a], works[b] = works[b], works[a] })
	return func(ctx context.Context) error {
		for _, w := range works {
			if err := w(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

const crowdInvoices = 40

func crowdKey(n int) string { return matter.Key("acme", fmt.Sprint("a", n%4), fmt.Sprint("inv", n)) }

// planners returns what changes plans, in the order of a seed: subscriptions come
// and go, the zone changes, invoices are voided and delivered again, and an account
// is deleted.
func (c *crowd) planners(seed uint64, rules []due.Rule) work {
	const seq = 1000
	replan := func(ctx context.Context) error { return c.planner.Replan(ctx, "acme") }
	wish := func(w matter.Wishes) work {
		return func(ctx context.Context) error {
			c.wanted.Store(&w)
			return replan(ctx)
		}
	}
	move := func(zone string) work {
		return func(ctx context.Context) error {
			c.zone.Store(&zone)
			return replan(ctx)
		}
	}
	works := []work{
		wish(matter.Wishes{rules[0]: 0}), wish(matter.Wishes{rules[0]: 0, rules[1]: seq, rules[2]: seq}), move("Asia/Tokyo"), move("UTC"), replan,
		func(ctx context.Context) error {
			gone := matter.News{Seq: seq, Owner: "acme", Account: "a1", Type: "account.deleted"}
			return c.planner.EndAll(ctx, gone, func(*matter.Matter) bool { return true })
		},
	}
	for n := range crowdInvoices / 4 {
		works = append(works, func(ctx context.Context) error {
			return c.planner.End(ctx, crowdKey(4*n), matter.News{Seq: seq, Type: "invoice.voided"})
		})
	}
	for n := range crowdInvoices / 8 {
		works = append(works, func(ctx context.Context) error { return c.deliver(ctx, 8*n+2, seq) })
	}
	return shuffled(seed, works...)
}

func (c *crowd) deliver(ctx context.Context, n int, seq uint64) error {
	return c.planner.Deliver(ctx, matter.News{
		Seq: seq, Owner: "acme", Account: fmt.Sprint("a", n%4), Name: fmt.Sprint("inv", n), Event: fmt.Sprint("e", n), At: c.clock().AddDate(0, 0, -1),
	})
}

// operator cancels plans and lets others fire before their moment.
func (c *crowd) operator(seed uint64) work {
	var works []work
	for n := range crowdInvoices {
		works = append(works, func(ctx context.Context) error {
			_, _, err := c.book.Change(ctx, crowdKey(n), func(i *matter.Matter) (changed bool) {
				for p := range i.Plans {
					if (p+n)%3 == 0 {
						changed = i.Cancel(i.Plans[p].ID) || changed
					}
				}
				return changed
			})
			return err
		})
	}
	return shuffled(seed, works...)
}

// live delivers invoices, lets the moment of their first plans come, and sets
// everybody to work at once.
func (c *crowd) live(ctx context.Context, seed uint64) error {
	nine := due.TimeOfDay(9 * 3600)
	rules := []due.Rule{{Days: 1, At: nine}, {Days: 1, At: nine + 1}, {Days: 2, At: nine}}
	c.settle("UTC", matter.Wishes{rules[0]: 0, rules[1]: 0})
	for n := range crowdInvoices {
		if err := c.deliver(ctx, n, uint64(n+1)); err != nil {
			return err
		}
	}
	c.now.Store(time.Date(2026, 3, 3, 9, 0, 1, 0, time.UTC).Unix())
	everybody := []work{c.planners(seed, rules), c.planners(seed+1, rules), c.operator(seed)}
	for _, f := range c.firers {
		goOff := func(ctx context.Context) error { return c.goOff(ctx, f) }
		everybody = append(everybody, shuffled(0, goOff, goOff, goOff))
	}
	var working sync.WaitGroup
	failed := make(chan error, len(everybody))
	for _, w := range everybody {
		working.Go(func() { failed <- w(ctx) })
	}
	working.Wait()
	close(failed)
	for err := range failed {
		if err != nil {
			return err
		}
	}
	// What is still to come comes.
	if err := c.planner.Replan(ctx); err != nil {
		return err
	}
	c.now.Add(10 * 24 * 3600)
	return c.goOff(ctx, c.firers[0])
}

// judge returns what was wrong: each plan has fired once, or was cancelled.
func (c *crowd) judge() (wrong []string, fired, cancelled int) {
	wrong = c.wrong
	for _, s := range c.shelf {
		for n := range s.matter.Plans {
			p := &s.matter.Plans[n]
			switch published := c.published[p.EventID()]; {
			case p.State == matter.Fired && published && c.began[p.ID] == 1:
				fired++
			case p.State == matter.Cancelled && !published && c.began[p.ID] == 0:
				cancelled++
			default:
				wrong = append(wrong, fmt.Sprintf("%s is %s, published %v, began to fire %d times", p.ID, p.State, published, c.began[p.ID]))
			}
		}
	}
	return wrong, fired, cancelled
}
