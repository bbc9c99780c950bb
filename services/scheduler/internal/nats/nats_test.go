package nats

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	if err := topology.Ensure(t.Context(), js, topology.Defaults()); err != nil {
		t.Fatal(err)
	}
	return js
}

func pending(account, invoice string) *plan.Plan {
	return &plan.Plan{
		ID: plan.ID("acme", invoice, due.Rule{Days: 3}), Owner: "acme", Account: account, Invoice: invoice, Part: 3,
		State: plan.Pending, DueAt: time.Now().Add(time.Hour).UTC(), Values: event.Values{"Invoice.Id": event.Str(invoice)},
	}
}

func TestAPlanIsStoredOnlyOnWhatItWasDecided(t *testing.T) {
	s, p := NewShelf(start(t)), pending("a1", "inv 1.*")
	if err := s.Put(t.Context(), p.Key(), p, 0); err != nil {
		t.Fatal(err)
	}
	got, revision, err := s.Get(t.Context(), p.Key())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, got, cmp.AllowUnexported(event.Value{})); diff != "" {
		t.Error(diff)
	}
	if err := s.Put(t.Context(), p.Key(), p, revision-1); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a plan was stored on an older one: %v", err)
	}
	if err := s.Put(t.Context(), p.Key(), nil, revision); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Get(t.Context(), p.Key()); got != nil || err != nil {
		t.Errorf("a removed plan is %v (%v)", got, err)
	}
}

func TestPlansAreFoundByInvoiceAndByAccount(t *testing.T) {
	s := NewShelf(start(t))
	gone := pending("a1", "gone")
	for _, p := range []*plan.Plan{pending("a1", "one"), pending("a1", "two"), pending("a2", "three"), pending("", "four"), gone} {
		if err := s.Put(t.Context(), p.Key(), p, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, revision, err := s.Get(t.Context(), gone.Key())
	if err == nil {
		err = s.Put(t.Context(), gone.Key(), nil, revision)
	}
	if err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string]string{
		"": "one two three four", plan.OfAccount("acme", "a1"): "one two", plan.OfAccount("acme", ""): "four",
		plan.OfInvoice("acme", "a1", "two"): "two", plan.OfInvoice("acme", "a1", "three"): "", "acm": "", "acme": "one two three four",
	} {
		var got []string
		err := s.Each(t.Context(), prefix, func(p *plan.Plan) error {
			got = append(got, p.Invoice)
			return nil
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q (%v), want %q", prefix, got, err, want)
		}
	}
}

// next takes the next timer that went off.
func next(t *testing.T, c jetstream.Consumer) (key string, at time.Time) {
	t.Helper()
	m, err := c.Next(jetstream.FetchMaxWait(20 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	at = time.Now()
	if err := m.Ack(); err != nil {
		t.Fatal(err)
	}
	return string(m.Data()), at
}

func TestTimersGoOffInTimeAndCanBeSetAgainAndRemoved(t *testing.T) {
	js := start(t)
	timer := NewTimer(js)
	consumer, err := js.Consumer(t.Context(), topology.Schedules, topology.SchedulerDue)
	if err != nil {
		t.Fatal(err)
	}
	arm := func(invoice string, at time.Time) *plan.Plan {
		p := pending("a1", invoice)
		p.DueAt = at
		if err := timer.Arm(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	now := time.Now()
	removed := arm("removed", now.Add(time.Second))
	if err := timer.Disarm(t.Context(), removed.Owner, removed.ID); err != nil {
		t.Fatal(err)
	}
	arm("moved", now.Add(time.Second))
	moved := arm("moved", now.Add(2500*time.Millisecond))
	overdue := arm("overdue", now.Add(-time.Hour))
	armed, err := timer.Armed(t.Context())
	if err != nil || !armed[planning.TimerKey{Owner: "acme", Plan: moved.ID}] || armed[planning.TimerKey{Owner: "acme", Plan: removed.ID}] {
		t.Errorf("armed: %v (%v)", armed, err)
	}
	if key, _ := next(t, consumer); key != overdue.Key() {
		t.Errorf("first %s went off, want the overdue one", key)
	}
	if key, at := next(t, consumer); key != moved.Key() || at.Before(moved.DueAt) || at.Sub(moved.DueAt) > 3*time.Second {
		t.Errorf("%s went off at %s, due %s", key, at, moved.DueAt)
	}
	if armed, err = timer.Armed(t.Context()); err != nil || len(armed) > 0 {
		t.Errorf("still armed: %v (%v)", armed, err)
	}
}

func TestAnAcceptedEventIsFoundByItsID(t *testing.T) {
	js := start(t)
	events, p := NewEvents(js), pending("a1", "one")
	p.FiredAt = time.Now()
	if ok, err := events.Accepted(t.Context(), p); ok || err != nil {
		t.Fatalf("accepted %v (%v) before anything was", ok, err)
	}
	other := pending("a1", "two").Event()
	for i, e := range []*event.Event{other, p.Event()} {
		data, err := e.Encode()
		if err == nil {
			_, err = js.Publish(t.Context(), subject.Event(p.Part, e.Owner, e.Type), data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := events.Accepted(t.Context(), p); ok != (i == 1) || err != nil {
			t.Errorf("accepted %v (%v) after %s", ok, err, e.ID)
		}
	}
}
