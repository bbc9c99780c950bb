package backfill

import (
	"testing"
	"time"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
)

func spec(events ...string) subscription.Spec {
	return subscription.Spec{ID: "s1", Events: events}
}

// The subscription begins behind 10, is changed at 20 and at 30, and the first
// version is not kept any more.
func revised(t *testing.T) *subscription.Subscription {
	t.Helper()
	long := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := &subscription.Subscription{}
	for _, c := range []struct {
		spec subscription.Spec
		m    subscription.Moment
	}{
		{spec("invoice.paid"), subscription.Moment{Seq: 10, At: long}},
		{spec("invoice.overdue"), subscription.Moment{Seq: 20, At: long}},
		{spec("invoice.posted"), subscription.Moment{Seq: 30, At: long.Add(subscription.KeepEnded + time.Hour)}},
	} {
		if err := s.Revise(c.spec, c.m); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.Versions) != 2 || s.PrunedUntil != 20 {
		t.Fatalf("%d versions, pruned until %d", len(s.Versions), s.PrunedUntil)
	}
	return s
}

func TestAnEventIsJudgedByTheVersionInForceAndByTheNewestWhereThatIsGone(t *testing.T) {
	v, err := read(revised(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		eventType string
		seq       uint64
		revision  int
	}{
		{"invoice.posted", 31, 3},
		{"invoice.overdue", 31, 0},
		{"invoice.overdue", 30, 2},
		{"invoice.posted", 30, 0},
		{"invoice.overdue", 21, 2},
		{"invoice.paid", 20, 0},
		{"invoice.posted", 20, 3},
	} {
		revision, ok := v.match(&event.Event{Type: c.eventType}, c.seq)
		if revision != c.revision || ok != (c.revision > 0) {
			t.Errorf("%s at %d: version %d, %v; want %d", c.eventType, c.seq, revision, ok, c.revision)
		}
	}
}

func TestTheTypesOfEveryVersionAreRead(t *testing.T) {
	v, err := read(revised(t))
	if err != nil {
		t.Fatal(err)
	}
	got := v.filters("acme")
	if len(got) != 2 || got[0] != "events.*.acme.invoice.overdue" || got[1] != "events.*.acme.invoice.posted" {
		t.Errorf("%q", got)
	}
}
