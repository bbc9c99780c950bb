package planning_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/scheduler/internal/book"
	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/wishes"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// world is the scheduler's surroundings under a scripted clock. Everything in
// it may fail when the script says so.
type world struct {
	now    time.Time
	seq    uint64
	plans  map[string]shelved
	timers map[planning.TimerKey]timer
	inbox  []*event.Event
	// accepted are the events that ingest took in, by id, with the moment.
	accepted map[string]time.Time
	wanted   wishes.Wishes
	// crash makes the fault point after so many others end everything.
	crash int

	planner *planning.Planner
	firer   *firing.Firer
}

type shelved struct {
	plan     *plan.Plan
	revision uint64
}

type timer struct {
	key string
	at  time.Time
}

var errCrash = errors.New("crash")

func newWorld() *world {
	w := &world{
		now: time.Date(2026, 3, 27, 12, 0, 0, 0, time.UTC), plans: map[string]shelved{}, timers: map[planning.TimerKey]timer{},
		accepted: map[string]time.Time{}, wanted: wishes.Wishes{}, crash: -1,
	}
	now := func() time.Time { return w.now }
	plans := book.New(w)
	w.planner = planning.New(planning.Deps{
		Book: plans, Timer: w, Zones: w, Logger: zerolog.Nop(), Now: now, Carries: func(token string) bool { return token != "Stray" },
	})
	w.firer = firing.New(firing.Deps{
		Book: plans, Inlet: w, Ledger: w, Timer: w, Logger: zerolog.Nop(), Now: now, Grace: 5 * time.Second,
		Wanted: func(_ string, r due.Rule) bool { _, ok := w.wanted[r]; return ok },
		Fault:  func(string) { w.fail() },
	})
	return w
}

// fail panics when the crash is due; what runs is then left as it is.
func (w *world) fail() {
	if w.crash--; w.crash == -1 {
		panic(errCrash)
	}
}

// attempt runs something that may crash.
func (w *world) attempt(t *rapid.T, do func() error) (crashed bool) {
	defer func() {
		if r := recover(); r != nil {
			if err, ok := r.(error); !ok || !errors.Is(err, errCrash) {
				panic(r)
			}
			crashed = true
		}
	}()
	if err := do(); err != nil {
		t.Fatal(err)
	}
	return false
}

func (w *world) Get(_ context.Context, key string) (*plan.Plan, uint64, error) {
	s := w.plans[key]
	if s.plan == nil {
		return nil, s.revision, nil
	}
	p := *s.plan
	return &p, s.revision, nil
}

func (w *world) Put(_ context.Context, key string, p *plan.Plan, revision uint64) error {
	w.fail()
	if w.plans[key].revision != revision {
		return fault.New(fault.Conflict, "put", key, nil)
	}
	if p != nil {
		c := *p
		p = &c
	}
	w.plans[key] = shelved{p, revision + 1}
	w.fail()
	return nil
}

func (w *world) Each(_ context.Context, prefix string, visit func(*plan.Plan) error) error {
	var found []*plan.Plan
	for key, s := range w.plans {
		if s.plan != nil && (prefix == "" || strings.HasPrefix(key, prefix+".")) {
			found = append(found, s.plan)
		}
	}
	for _, p := range found {
		if err := visit(p); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) Arm(_ context.Context, p *plan.Plan) error {
	w.fail()
	w.timers[planning.TimerKey{Owner: p.Owner, Plan: p.ID}] = timer{p.Key(), p.DueAt}
	return nil
}

func (w *world) Disarm(_ context.Context, owner, id string) error {
	w.fail()
	delete(w.timers, planning.TimerKey{Owner: owner, Plan: id})
	return nil
}

func (w *world) Armed(context.Context) (map[planning.TimerKey]bool, error) {
	out := map[planning.TimerKey]bool{}
	for k := range w.timers {
		out[k] = true
	}
	return out, nil
}

func (w *world) Of(context.Context, *event.Event) (*time.Location, error) { return time.UTC, nil }

func (w *world) Publish(_ context.Context, e *event.Event) error {
	w.inbox = append(w.inbox, e)
	return nil
}

func (w *world) Accepted(_ context.Context, p *plan.Plan) (bool, error) {
	_, ok := w.accepted[p.EventID()]
	return ok, nil
}

// window is ingest's window of de-duplication.
const window = 10 * time.Minute

// ingest takes in what is in INBOX.
func (w *world) ingest(t *rapid.T) {
	for _, e := range w.inbox {
		at, known := w.accepted[e.ID]
		switch {
		case known && w.now.Sub(at) <= window:
			continue
		case known:
			t.Fatalf("%s came again after %s", e.ID, w.now.Sub(at))
		}
		w.accepted[e.ID] = w.now
		dueAt, err := time.Parse(time.RFC3339, e.Data.Text("Schedule.DueAt"))
		if err != nil || e.Time.Before(dueAt) {
			t.Fatalf("fired at %s, due at %s (%v)", e.Time, dueAt, err)
		}
		if late := e.Time.Sub(dueAt) > 5*time.Second; late != (e.Data.Text("Schedule.Late") == "true") {
			t.Fatalf("fired %s after it was due, marked late: %s", e.Time.Sub(dueAt), e.Data.Text("Schedule.Late"))
		}
	}
	w.inbox = nil
}

// goOff lets the timers go off whose moment has come.
func (w *world) goOff(t *rapid.T) {
	for k, timer := range w.timers {
		if timer.at.After(w.now) {
			continue
		}
		delete(w.timers, k)
		if w.attempt(t, func() error { return w.firer.Due(t.Context(), timer.key) }) {
			w.timers[k] = timer // it comes again, perhaps much later
		}
	}
}

// invoice is what the model knows of one.
type invoice struct {
	void bool
}

// Deliveries, voids, changed subscriptions, lost timers, clocks that are set
// and crashes everywhere: each invoice has, per rule, one event at or after
// its moment, or none because something cancelled it before.
func TestEveryInvoiceFiresOnceOrIsCancelled(t *testing.T) {
	rules := []due.Rule{{Days: 0, At: 18 * 3600}, {Days: 1, At: 9 * 3600}, {Days: 3, At: 0}}
	rapid.Check(t, func(r *rapid.T) {
		w, invoices := newWorld(), map[string]*invoice{}
		for _, rule := range rules {
			w.wanted[rule] = 0
		}
		redo := func(do func() error) {
			for w.attempt(r, do) {
				w.crash = -1 // the cursor handles the event again
			}
		}
		draw := func() string { return fmt.Sprint("inv", rapid.IntRange(1, 3).Draw(r, "invoice")) }
		r.Repeat(map[string]func(*rapid.T){
			"deliver": func(r *rapid.T) {
				id := draw()
				w.seq++
				d := planning.Delivery{Seq: w.seq, Event: &event.Event{
					ID: fmt.Sprint("e", w.seq), Owner: "acme", Account: "a1", Type: "invoice.delivery", Time: w.now,
					Data: event.Values{"Invoice.Id": event.Str(id), "Stray": event.Str("x")},
				}}
				redo(func() error { return w.planner.Plan(r.Context(), d, w.wanted) })
				invoices[id] = &invoice{}
			},
			"void": func(r *rapid.T) {
				id := draw()
				w.seq++
				redo(func() error {
					return w.planner.Cancel(r.Context(), plan.OfInvoice("acme", "a1", id), "invoice.voided", w.seq)
				})
				if known := invoices[id]; known != nil {
					known.void = true
				}
			},
			"clock goes on": func(r *rapid.T) {
				w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30*3600).Draw(r, "seconds")) * time.Second)
				w.ingest(r)
				w.goOff(r)
			},
			"clock is set back": func(r *rapid.T) {
				w.now = w.now.Add(-time.Duration(rapid.IntRange(1, 60).Draw(r, "seconds")) * time.Second)
			},
			"timers are lost": func(r *rapid.T) {
				clear(w.timers)
				w.timers[planning.TimerKey{Owner: "acme", Plan: "stray"}] = timer{"acme.a1.x.stray", w.now}
				redo(func() error { return w.planner.Reconcile(r.Context(), 10_000*time.Hour) })
			},
			"crash soon": func(r *rapid.T) { w.crash = rapid.IntRange(0, 6).Draw(r, "after") },
			"ingest":     func(r *rapid.T) { w.ingest(r) },
			"timers go off early or twice": func(r *rapid.T) {
				for key := range w.plans {
					w.attempt(r, func() error { return w.firer.Due(r.Context(), key) })
				}
			},
		})
		w.crash = -1
		w.now = w.now.AddDate(0, 0, 5)
		redo(func() error { return w.planner.Reconcile(r.Context(), 10_000*time.Hour) })
		w.goOff(r)
		w.ingest(r)
		for id, known := range invoices {
			for _, rule := range rules {
				w.judge(r, id, known, rule)
			}
		}
	})
}

// judge compares the end of a plan with what the model expects: a delivery
// that nothing cancelled has fired.
func (w *world) judge(r *rapid.T, id string, known *invoice, rule due.Rule) {
	p := plan.Plan{Owner: "acme", Account: "a1", Invoice: id, ID: plan.ID("acme", id, rule)}
	stored := w.plans[p.Key()].plan
	switch {
	case stored == nil:
		r.Fatalf("%s %+v has no plan", id, rule)
	case stored.State == plan.Fired:
		if _, ok := w.accepted[stored.EventID()]; !ok {
			r.Fatalf("%s %+v fired and was not accepted", id, rule)
		}
		if _, stray := stored.Values["Stray"]; stray {
			r.Fatalf("%s carries a token that its event has not", id)
		}
	case stored.State == plan.Cancelled && known.void:
		if _, ok := w.accepted[stored.EventID()]; ok {
			r.Fatalf("%s %+v was cancelled and fired", id, rule)
		}
	default:
		r.Fatalf("%s %+v ended %s (void: %v)", id, rule, stored.State, known.void)
	}
}
