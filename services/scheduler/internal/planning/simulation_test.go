package planning_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/shared/event"
)

// window is ingest's window of de-duplication.
const window = 10 * time.Minute

// forgetNothing keeps every invoice.
func forgetNothing(string) time.Duration { return 100_000 * time.Hour }

// known is what the model knows of an invoice.
type known struct {
	seq       uint64
	delivered time.Time
	ended     bool
	// must are the rules that are to fire.
	must map[due.Rule]bool
	// forced are those that an operator let fire before their moment,
	// cancelled those that one cancelled, which only a new delivery undoes.
	forced, cancelled map[due.Rule]bool
}

// model drives a world and judges it.
type model struct {
	*world
	t        *rapid.T
	seq      uint64
	invoices map[string]*known
	rules    []due.Rule
	// wrong is what check found, in whatever goroutine it was called.
	wrong error
}

// attempt is that of the world; what was found wrong meanwhile ends the life.
func (m *model) attempt(do func() error) (crashed bool, err error) {
	crashed, err = m.world.attempt(do)
	if m.wrong != nil {
		m.t.Fatal(m.wrong)
	}
	return crashed, err
}

func newModel(t *rapid.T) *model {
	m := &model{
		world: newWorld(), t: t, invoices: map[string]*known{},
		rules: []due.Rule{{Days: 0, At: 18 * 3600}, {Days: 1, At: 9 * 3600}, {Days: 3, At: 0}, {Days: 2, At: 9 * 3600, Calendar: "next 06"}},
	}
	m.stored = m.check
	return m
}

// check sees every value that is stored: what begins to fire was delivered, has
// not ended, and its moment has come by the zone in force.
func (m *model) check(before, after *matter.Matter) {
	for n := range after.Plans {
		p := &after.Plans[n]
		old := before.Plan(p.ID)
		fires := p.State == matter.Firing || p.State == matter.Fired
		fired := old != nil && (old.State == matter.Firing || old.State == matter.Fired)
		switch {
		case fired && !fires:
			m.wrong = fmt.Errorf("%s was %s and became %s", p.ID, old.State, p.State)
		case fires && !fired:
			m.wrong = errors.Join(m.wrong, m.mayFire(after, p))
		}
	}
}

func (m *model) mayFire(i *matter.Matter, p *matter.Plan) error {
	k, rule := m.invoices[i.Name], m.rule(i, p)
	if k == nil || k.ended {
		return fmt.Errorf("%s fires for an invoice that is no more", p.ID)
	}
	if at := rule.After(k.delivered, m.zone()); m.now.Before(at) && !k.forced[rule] {
		return fmt.Errorf("%s fires at %s, due at %s", p.ID, m.now, at)
	}
	return nil
}

func (m *model) zone() *time.Location {
	name := m.account
	if name == "" {
		name = m.owner
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		m.t.Fatal(err)
	}
	return zone
}

func (m *model) rule(i *matter.Matter, p *matter.Plan) due.Rule {
	n := slices.IndexFunc(m.rules, func(r due.Rule) bool { return matter.ID("acme", i.Name, r) == p.ID })
	if n < 0 {
		m.t.Fatalf("%s is of no rule", p.ID)
	}
	return m.rules[n]
}

// redo repeats what crashes, as the cursor does; whoever takes over reconciles
// first.
func (m *model) redo(do func() error) {
	for {
		crashed, err := m.attempt(do)
		if err != nil {
			m.t.Fatal(err)
		}
		if !crashed {
			return
		}
		again := func() error { return m.planner.Reconcile(m.t.Context(), forgetNothing) }
		if crashed, err = m.attempt(again); crashed || err != nil {
			m.t.Fatal(crashed, err)
		}
	}
}

func (m *model) deliver(name string) {
	m.seq++
	d := matter.News{
		Seq: m.seq, Owner: "acme", Account: "a1", Name: name, Event: fmt.Sprint("e", m.seq), At: m.now,
		Values: event.Values{"Invoice.Id": event.Str(name)},
	}
	// While it is taken in, what the former delivery planned may still fire.
	former := m.invoices[name]
	k := &known{seq: m.seq, delivered: m.now, must: map[due.Rule]bool{}, forced: map[due.Rule]bool{}, cancelled: map[due.Rule]bool{}}
	if former != nil {
		k.forced = former.forced
		if !former.ended {
			k.delivered = former.delivered
		}
	}
	m.invoices[name] = k
	m.redo(func() error { return m.planner.Deliver(m.t.Context(), d) })
	k.delivered = d.At
	for rule := range m.wanted {
		k.must[rule] = true
	}
}

func (m *model) end(name string) {
	m.seq++
	m.redo(func() error {
		return m.planner.End(m.t.Context(), matter.Key("acme", "a1", name), matter.News{Type: "invoice.voided", Seq: m.seq, Owner: "acme", Account: "a1"})
	})
	if k := m.invoices[name]; k != nil {
		k.ended, k.must = true, nil
	}
}

func everyMatter(*matter.Matter) bool { return true }

func (m *model) endAccount() {
	m.seq++
	m.redo(func() error {
		return m.planner.EndAll(m.t.Context(), matter.News{Type: "account.cancellation", Seq: m.seq, Owner: "acme", Account: "a1"}, everyMatter)
	})
	for _, k := range m.invoices {
		k.ended, k.must = true, nil
	}
}

// subscribe makes rules wanted or unwanted.
func (m *model) subscribe(rules []due.Rule) {
	now := matter.Wishes{}
	for _, r := range rules {
		from, ok := m.wanted[r]
		if !ok {
			from = m.seq
		}
		now[r] = from
	}
	began := slices.DeleteFunc(slices.Clone(rules), func(r due.Rule) bool { _, ok := m.wanted[r]; return ok })
	m.wanted = now
	at := m.now
	m.redo(func() error { return m.planner.Replan(m.t.Context(), "acme") })
	for _, k := range m.invoices {
		for r := range k.must {
			if _, ok := now[r]; !ok {
				delete(k.must, r)
			}
		}
		for _, r := range began {
			if !k.ended && !k.cancelled[r] && r.After(k.delivered, m.zone()).After(at) {
				k.must[r] = true
			}
		}
	}
}

// move changes the zone of the account or the owner.
func (m *model) move(zone *string, name string) {
	*zone = name
	// Until it is planned anew, either zone's moment is right.
	check := m.stored
	m.stored = func(_, _ *matter.Matter) {}
	m.redo(func() error { return m.planner.Replan(m.t.Context(), "acme.a1") })
	m.stored = check
}

// operate cancels or forces a plan as an operator does.
func (m *model) operate(name string, rule due.Rule, cancel bool) {
	key := matter.Key("acme", "a1", name)
	k := m.invoices[name]
	s := m.shelf[key]
	if k == nil || s.matter == nil {
		return
	}
	i, id := clone(s.matter), matter.ID("acme", name, rule)
	changed := false
	if cancel {
		changed = i.Cancel(id)
	} else {
		changed = i.Force(id, m.now)
	}
	if !changed {
		return
	}
	m.shelf[key] = shelved{i, s.revision + 1}
	if cancel {
		delete(k.must, rule)
		k.cancelled[rule] = true
		return
	}
	k.forced[rule] = true
	at := timer.At(0, m.now)
	m.note(at, key)
	m.timers[at] = true
}

// goOff lets the timers go off whose moment has come.
func (m *model) goOff() {
	for _, at := range slices.SortedFunc(maps.Keys(m.timers), timer.Moment.Compare) {
		if at.Time().After(m.now) {
			continue
		}
		delete(m.timers, at)
		crashed, err := m.attempt(func() error { return m.firer.Due(m.t.Context(), at) })
		if err != nil {
			m.t.Fatal(err)
		}
		if crashed {
			m.timers[at] = true // it comes again, perhaps much later
		}
	}
}

// ingest takes in what is in INBOX.
func (m *model) ingest() {
	for _, e := range m.inbox {
		at, seen := m.logged[e.ID]
		switch {
		case seen && m.now.Sub(at) <= window:
			continue
		case seen:
			m.t.Fatalf("%s came again after %s", e.ID, m.now.Sub(at))
		}
		m.logged[e.ID] = m.now
	}
	m.inbox = nil
}

// Deliveries, voids, cancelled accounts, subscriptions that come and go, zones
// that change, operators, lost timers, clocks that are set, and crashes
// everywhere, while what is due fires in the middle of all that: each invoice
// has, for each rule, one event at or after its moment, or none because
// something cancelled it before; never both.
func TestEveryInvoiceFiresOnceOrIsCancelledWhateverChanges(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newModel(r)
		name := func() string { return fmt.Sprint("inv", rapid.IntRange(1, 3).Draw(r, "invoice")) }
		m.subscribe(m.rules[:2])
		r.Repeat(map[string]func(*rapid.T){
			"deliver": func(*rapid.T) { m.deliver(name()) },
			"void":    func(*rapid.T) { m.end(name()) },
			"cancel the account": func(r *rapid.T) {
				if rapid.IntRange(0, 3).Draw(r, "really") == 0 {
					m.endAccount()
				}
			},
			"subscriptions change": func(r *rapid.T) {
				m.subscribe(rapid.SliceOfNDistinct(rapid.SampledFrom(m.rules), 0, 4, rapid.ID).Draw(r, "rules"))
			},
			"a zone changes": func(r *rapid.T) {
				name := rapid.SampledFrom([]string{"UTC", "Pacific/Auckland", "America/Lima", "Europe/Paris"}).Draw(r, "zone")
				if rapid.Bool().Draw(r, "the account's") {
					m.move(&m.account, name)
				} else {
					m.move(&m.owner, name)
				}
			},
			"an operator": func(r *rapid.T) {
				m.operate(name(), rapid.SampledFrom(m.rules).Draw(r, "rule"), rapid.Bool().Draw(r, "cancels"))
			},
			"the clock goes on": func(r *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 30*3600).Draw(r, "seconds")) * time.Second)
				m.ingest()
				m.goOff()
			},
			"the clock is set back": func(r *rapid.T) {
				m.now = m.now.Add(-time.Duration(rapid.IntRange(1, 60).Draw(r, "seconds")) * time.Second)
			},
			"it is just before something is due": func(r *rapid.T) {
				for _, at := range slices.SortedFunc(maps.Keys(m.pad.keys), timer.Moment.Compare) {
					if before := at.Time().Add(-time.Second); before.After(m.now) {
						m.now = before
						_, _ = m.attempt(func() error { return m.firer.Due(r.Context(), at) })
						return
					}
				}
			},
			"time passes unheard": func(r *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 30*3600).Draw(r, "seconds")) * time.Second)
			},
			"something fires in the middle of the next change": func(r *rapid.T) {
				m.meanwhile = func() { m.ingest(); m.goOff() }
			},
			"timers are lost": func(r *rapid.T) {
				clear(m.timers)
				if rapid.Bool().Draw(r, "keys too") {
					clear(m.pad.keys)
				}
				m.timers[timer.Moment{Unix: m.now.Unix() + 7}] = true
				m.redo(func() error { return m.planner.Reconcile(r.Context(), forgetNothing) })
			},
			"crash soon": func(r *rapid.T) { m.crash = rapid.IntRange(0, 8).Draw(r, "after") },
			"ingest":     func(*rapid.T) { m.ingest() },
			"timers go off early or twice": func(r *rapid.T) {
				for _, at := range slices.SortedFunc(maps.Keys(m.pad.keys), timer.Moment.Compare) {
					_, _ = m.attempt(func() error { return m.firer.Due(r.Context(), at) })
				}
			},
		})
		m.finish()
	})
}

// finish lets all fire that is to fire, and judges.
func (m *model) finish() {
	m.crash, m.meanwhile = -1, nil
	m.now = m.now.AddDate(0, 0, 8)
	m.goOff()
	m.ingest()
	for _, s := range m.shelf {
		m.judge(s.matter)
	}
}

func (m *model) judge(i *matter.Matter) {
	k := m.invoices[i.Name]
	for n := range i.Plans {
		p := &i.Plans[n]
		if _, ok := m.logged[p.EventID()]; ok != (p.State == matter.Fired) || !p.State.Finished() {
			m.t.Fatalf("%s %s is %s, accepted: %v", i.Name, p.ID, p.State, ok)
		}
	}
	for rule := range k.must {
		if p := i.Plan(matter.ID("acme", i.Name, rule)); p == nil || p.State != matter.Fired {
			m.t.Fatalf("%s %+v did not fire: %+v", i.Name, rule, p)
		}
	}
}
