package planning_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/config/plan/wishes"
	"github.com/billhook/billhook/services/scheduler/internal/intake"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// life is a scheduler that derives events, with a log that its cursor reads
// late, and judges it by days.
type life struct {
	*world
	t     *rapid.T
	zone  *time.Location
	log   []cursor.Message
	taken int
	// setting is what the owner wants derived, changed how often that changed,
	// former what it wanted, while it changes. The world's, which those who fire
	// look at, may be behind.
	setting, former owner.Derive
	changed         uint64
	intake          *intake.Intake
	session         *cursor.Session
	sims            map[string]*sim
	bills           map[string]*bill
	// ours are the ids of what was fired, fired how often each plan was.
	ours  map[string]bool
	wrong error
}

// sim is what is known of a service: the day of the last usage, "" when it is
// not watched, with its first moment, and up to when usage is of no account.
type sim struct {
	day          string
	seen, silent time.Time
	// exists says that something of it was taken in, used that usage was.
	exists, used bool
}

// bill is what is known of an invoice. Left are the due dates for which no more
// is derived.
type bill struct {
	known, delivered, ended, owes, told bool
	due                                 string
	left                                map[string]bool
}

func newLife(t *rapid.T, zone string) *life {
	l := &life{
		world: newWorld(), t: t, session: new(cursor.Session), sims: map[string]*sim{}, bills: map[string]*bill{}, ours: map[string]bool{},
	}
	var err error
	if l.zone, err = time.LoadLocation(zone); err != nil {
		t.Fatal(err)
	}
	l.owner = zone
	known := wishes.NewDerives(l)
	l.derives, l.unread, l.stored = known.Of, intake.NewUnread(l), l.check
	l.intake = intake.New(intake.Settings{
		Planner: l.planner, Configuration: nobody{}, Accounts: nothing{}, Owners: changes{l}, Derived: known,
		Carries: func(matter.Kind, string) bool { return true }, Logger: zerolog.Nop(), Now: func() time.Time { return l.now },
		Every: time.Hour, Keep: forgetNothing, Hands: 1,
	})
	l.redo(func() error { return l.intake.Begin(t.Context(), l.session) })
	return l
}

// nobody has no subscriptions, nothing never changes, changes are those of what
// the owner wants derived.
type (
	nobody  struct{}
	nothing struct{}
	changes struct{ *life }
)

func (nobody) Owners() iter.Seq2[string, *directory.Snapshot] {
	return maps.All(map[string]*directory.Snapshot{})
}
func (nobody) Revision() uint64 { return 0 }

func (nothing) Since(_ context.Context, r uint64) ([]string, uint64, error) { return nil, r, nil }

func (c changes) Since(_ context.Context, r uint64) ([]string, uint64, error) {
	if r == c.changed {
		return nil, r, nil
	}
	return []string{"acme"}, c.changed, nil
}

func (l *life) Derives(context.Context) (map[string]owner.Derive, error) {
	return map[string]owner.Derive{"acme": l.setting}, l.step()
}

func (l *life) Read(_ context.Context, _ int, _ string, visit func(*cursor.Message) error) error {
	for n := range l.log[l.taken:] {
		if err := visit(&l.log[l.taken+n]); err != nil {
			return err
		}
	}
	return nil
}

// redo repeats what crashes; whoever takes over begins anew.
func (l *life) redo(do func() error) {
	for again := false; ; again = true {
		crashed, err := l.attempt(func() error {
			if again {
				l.session = new(cursor.Session)
				if err := l.intake.Begin(l.t.Context(), l.session); err != nil {
					return err
				}
			}
			return do()
		})
		if err = errors.Join(err, l.wrong); err != nil {
			l.t.Fatal(err)
		}
		if !crashed {
			return
		}
	}
}

// accept puts an event into the log.
func (l *life) accept(e *event.Event) {
	data, err := e.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	l.log = append(l.log, cursor.Message{Subject: subject.Event(0, "acme", e.Type), Data: data, Seq: uint64(len(l.log) + 1)})
}

// publish is an event of the platform about something, which happened a while
// ago.
func (l *life) publish(eventType string, ago time.Duration, values map[string]string) {
	data := event.Values{}
	for token, v := range values {
		data[token] = event.Str(v)
	}
	l.accept(&event.Event{ID: fmt.Sprint("e", len(l.log)), Type: eventType, Owner: "acme", Account: "a1", Time: l.now.Add(-ago), Data: data})
}

// take has the cursor take in so many events.
func (l *life) take(n int) {
	n = min(n, len(l.log)-l.taken)
	if n == 0 {
		return
	}
	messages := l.log[l.taken : l.taken+n]
	l.redo(func() error {
		_, err := l.intake.Handle(l.t.Context(), l.session, messages)
		return err
	})
	for _, m := range messages {
		e, err := event.Decode(m.Data)
		if err != nil {
			l.t.Fatal(err)
		}
		l.know(e)
	}
	l.taken += n
}

// know is what an event that was taken in says.
func (l *life) know(e *event.Event) {
	if l.ours[e.ID] {
		return
	}
	if id := e.Data.Text("Invoice.Id"); id != "" {
		l.knowBill(id, e)
	}
	if l.setting.DormantAfterDays == 0 {
		return
	}
	id := e.Data.Text("AccountService.Id")
	s := l.sims[id]
	if s == nil && id != "" {
		s = new(sim)
		l.sims[id] = s
	}
	switch e.Type {
	case "usage.seen":
		if day := e.Time.In(l.zone).Format(time.DateOnly); e.Time.After(s.silent) && day > s.day {
			s.day, s.seen, s.exists, s.used = day, e.Time, true, true
		}
	case "sim.dormant":
		if s.day == "" || !e.Time.Before(s.seen) {
			s.day = ""
		}
		s.silent, s.exists = later(s.silent, e.Time), true
	case "service.deleted":
		if !s.exists {
			break
		}
		s.day, s.silent = "", later(s.silent, e.Time)
	case "package.cancellation":
		for id, s := range l.sims {
			if e.Data.Text("AccountPackage.Id") == packageOf(id) && s.used {
				s.day, s.silent = "", later(s.silent, e.Time)
			}
		}
	}
}

func packageOf(sim string) string { return strings.Replace(sim, "sim", "pkg", 1) }

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (l *life) knowBill(id string, e *event.Event) {
	b := l.bills[id]
	if b == nil {
		b = &bill{left: map[string]bool{}}
		l.bills[id] = b
	}
	switch e.Type {
	case "invoice.posted", "invoice.delivery":
		if e.Type == "invoice.posted" && (b.delivered || !l.setting.Overdue) {
			break
		}
		b.known, b.ended, b.due, b.owes = true, false, "", false
		b.delivered = e.Type == "invoice.delivery"
		b.forget()
	case "invoice.voided":
		b.ended = b.known
		return
	case "invoice.overdue":
		if b.known || l.setting.Overdue {
			b.known, b.told = true, true
		}
	}
	if !b.known || b.ended {
		return
	}
	if at := e.Data.Text("Invoice.DueDate"); at != "" {
		b.due = at
	}
	if v := e.Data.Text("Invoice.BalanceDue"); v != "" {
		b.owes = v != "0.00"
	}
}

// forget lets what was due before overdue events were derived count again.
func (b *bill) forget() {
	for day, for_ := range b.left {
		if !for_ {
			delete(b.left, day)
		}
	}
}

// passed reports whether an invoice is overdue at the present moment and
// nothing was derived for it.
func (l *life) passed(b *bill) bool {
	if _, left := b.left[b.due]; left || !b.known || b.ended || b.told || !b.owes || b.due == "" {
		return false
	}
	return l.now.In(l.zone).Format(time.DateOnly) > b.due
}

// check sees every value that is stored and judges what begins to fire.
func (l *life) check(before, after *matter.Matter) {
	for n := range after.Plans {
		p := &after.Plans[n]
		if old := before.Plan(p.ID); p.State == matter.Firing && (old == nil || old.State != matter.Firing) {
			l.wrong = errors.Join(l.wrong, l.fires(after, p))
		}
	}
}

func (l *life) fires(i *matter.Matter, p *matter.Plan) error {
	if l.ours[p.EventID()] {
		return fmt.Errorf("%s %s fires twice", p.Kind, i.Name)
	}
	l.ours[p.EventID()] = true
	for _, m := range l.log[l.taken:] {
		if e, err := event.Decode(m.Data); err != nil || e.Data.Text("AccountService.Id") == i.Name || e.Data.Text("Invoice.Id") == i.Name {
			return fmt.Errorf("%s %s fires while %s is not taken in", p.Kind, i.Name, e.Type)
		}
	}
	if p.Kind == matter.Overdue {
		b := l.bills[i.Name]
		if b == nil || !l.setting.Overdue && !l.former.Overdue || !l.passed(b) {
			return fmt.Errorf("%s is overdue at %s: %+v", i.Name, l.now.In(l.zone), b)
		}
		b.left[b.due] = true
		return nil
	}
	s := l.sims[i.Name]
	if s == nil || s.day == "" {
		return fmt.Errorf("%s is dormant and not watched", i.Name)
	}
	day, err := time.Parse(time.DateOnly, s.day)
	days := l.setting.DormantAfterDays
	if p.Days == l.former.DormantAfterDays {
		days = p.Days
	}
	if first := day.AddDate(0, 0, days+1).Format(time.DateOnly); err != nil || l.now.In(l.zone).Format(time.DateOnly) < first {
		return fmt.Errorf("%s is dormant at %s, used on %s", i.Name, l.now.In(l.zone), s.day)
	}
	s.day, s.silent = "", l.now
	return nil
}

// want changes what the owner wants derived.
func (l *life) want(d owner.Derive) {
	was := l.setting
	l.setting, l.former = d, was
	l.changed++
	l.redo(func() error { return l.intake.Woken(l.t.Context(), l.session) })
	l.former = d
	if d.DormantAfterDays == 0 {
		for _, s := range l.sims {
			s.day = ""
		}
	}
	if d.Overdue && !was.Overdue {
		for _, b := range l.bills {
			if l.passed(b) {
				b.left[b.due] = false
			}
		}
	}
}

// goOff lets the timers go off whose moment has come.
func (l *life) goOff() {
	for _, at := range slices.SortedFunc(maps.Keys(l.timers), timer.Moment.Compare) {
		if at.Time().After(l.now) {
			continue
		}
		delete(l.timers, at)
		crashed, err := l.attempt(func() error {
			err := l.firer.Due(l.t.Context(), at)
			if err != nil {
				l.timers[at] = true // it comes again
			}
			return err
		})
		if err = errors.Join(err, l.wrong); err != nil {
			l.t.Fatal(err)
		}
		if crashed {
			l.timers[at] = true
		}
	}
}

// ingest accepts what is in INBOX.
func (l *life) ingest() {
	for _, e := range l.inbox {
		at, seen := l.logged[e.ID]
		if seen && l.now.Sub(at) > window {
			l.t.Fatalf("%s came again after %s", e.ID, l.now.Sub(at))
		}
		if !seen {
			l.logged[e.ID] = l.now
			l.accept(e)
		}
	}
	l.inbox = nil
}

// finish takes all in, lets all fire that is to fire, and judges.
func (l *life) finish() {
	l.crash, l.meanwhile, l.derive = -1, nil, l.setting
	l.take(len(l.log))
	l.now = l.now.AddDate(0, 0, 10)
	for range 3 { // a timer may set another
		l.goOff()
		l.ingest()
		l.take(len(l.log))
	}
	for name, s := range l.sims {
		if s.day != "" {
			l.t.Fatalf("%s, used on %s, is not dormant at %s: %+v", name, s.day, l.now, l.shelf[matter.ServiceKey("acme", "a1", name)].matter)
		}
	}
	for name, b := range l.bills {
		if l.setting.Overdue && l.passed(b) {
			l.t.Fatalf("%s, due on %s, is not overdue at %s: %+v", name, b.due, l.now, l.shelf[matter.Key("acme", "a1", name)].matter)
		}
	}
	for id := range l.ours {
		if _, ok := l.logged[id]; !ok {
			l.t.Fatalf("%s was lost", id)
		}
	}
}

// Usage, also late, the platform's own events, ends, settings that come and go,
// a cursor that lags behind, clocks, lost timers, and crashes everywhere: a
// dormancy and a due date that passed are told once each, not before their day,
// not against anything that was accepted by then, and never not at all.
func TestDerivedEventsFollowWhatHappens(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLife(r, rapid.SampledFrom([]string{"Europe/Paris", "America/Lima", "Pacific/Auckland"}).Draw(r, "zone"))
		draw := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(r, what) }
		hours := func(most int) time.Duration {
			return time.Duration(rapid.IntRange(0, most*60).Draw(r, "minutes")) * time.Minute
		}
		service := func() map[string]string {
			id := draw("service", "sim1", "sim2")
			return map[string]string{"AccountService.Id": id, "AccountPackage.Id": packageOf(id)}
		}
		invoice := func() map[string]string {
			v := map[string]string{"Invoice.Id": draw("invoice", "inv1", "inv2")}
			if days := rapid.IntRange(-1, 4).Draw(r, "days until due"); days >= 0 {
				v["Invoice.DueDate"] = l.now.AddDate(0, 0, days-1).Format(time.DateOnly)
			}
			if b := draw("balance", "", "0.00", "12.50"); b != "" {
				v["Invoice.BalanceDue"] = b
			}
			return v
		}
		l.want(owner.Derive{DormantAfterDays: 2, Overdue: true})
		l.derive = l.setting
		r.Repeat(map[string]func(*rapid.T){
			"usage":      func(*rapid.T) { l.publish("usage.seen", hours(60), service()) },
			"more usage": func(*rapid.T) { l.publish("usage.seen", 0, service()) },
			"a service": func(*rapid.T) {
				l.publish(draw("type", "sim.dormant", "service.deleted", "package.cancellation"), hours(30), service())
			},
			"an invoice": func(*rapid.T) {
				l.publish(draw("type", "invoice.posted", "invoice.delivery", "invoice.updated"), 0, invoice())
			},
			"its end": func(*rapid.T) {
				l.publish(draw("type", "invoice.overdue", "invoice.voided"), 0, map[string]string{"Invoice.Id": draw("invoice", "inv1", "inv2")})
			},
			"the cursor reads": func(*rapid.T) { l.take(rapid.IntRange(1, 5).Draw(r, "events")) },
			"overdue events no more, or again": func(*rapid.T) {
				l.want(owner.Derive{DormantAfterDays: l.setting.DormantAfterDays, Overdue: !l.setting.Overdue})
			},
			"those who fire hear of the settings": func(*rapid.T) { l.derive = l.setting },
			"settings": func(*rapid.T) {
				l.want(owner.Derive{DormantAfterDays: rapid.IntRange(0, 3).Draw(r, "days"), Overdue: rapid.Bool().Draw(r, "overdue")})
			},
			"the clock goes on": func(*rapid.T) {
				l.now = l.now.Add(hours(40))
				l.ingest()
				l.goOff()
			},
			"a day on which nothing goes wrong": func(*rapid.T) {
				l.take(len(l.log))
				l.derive = l.setting
				l.now = l.now.Add(24 * time.Hour)
				l.goOff()
				l.ingest()
				l.take(len(l.log))
			},
			"time passes unheard":                       func(*rapid.T) { l.now = l.now.Add(hours(40)) },
			"something fires in the middle of a change": func(*rapid.T) { l.meanwhile = func() { l.ingest(); l.goOff() } },
			"timers are lost": func(*rapid.T) {
				clear(l.timers)
				clear(l.pad.keys)
				l.redo(func() error { return l.intake.Begin(r.Context(), l.session) })
			},
			"timers go off early or twice": func(*rapid.T) {
				for _, at := range slices.SortedFunc(maps.Keys(l.pad.keys), timer.Moment.Compare) {
					_, _ = l.attempt(func() error { return l.firer.Due(r.Context(), at) })
				}
			},
			"crash soon": func(r *rapid.T) { l.crash = rapid.IntRange(0, 8).Draw(r, "after") },
			"ingest":     func(*rapid.T) { l.ingest() },
		})
		l.finish()
	})
}
