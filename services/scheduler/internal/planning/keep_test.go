package planning_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
)

func TestAnInvoiceIsForgottenOnlyWhenNothingAboutItIsYoungerThanItsOwnerWants(t *testing.T) {
	const day = 24 * time.Hour
	keep := func(string) time.Duration { return 30 * day }
	for _, c := range []struct {
		rule     string
		days     int           // of the only plan; -1 for none
		fires    bool          // whether the plan has fired
		age      time.Duration // of the delivery
		kept     bool
		finished bool
	}{
		{"young and without plans", -1, false, 30 * day, true, true},
		{"old and without plans", -1, false, 30*day + time.Second, false, true},
		{"old, but its plan is still to fire", 40, false, 35 * day, true, false},
		{"old, but fired lately", 40, true, 60 * day, true, true},
		{"old, and fired long ago", 40, true, 40*day + 31*day, false, true},
	} {
		w := newWorld()
		if c.days >= 0 {
			w.wanted = matter.Wishes{due.Rule{Days: c.days, At: due.TimeOfDay(w.now.Hour() * 3600)}: 0}
		}
		began := w.now
		d := matter.News{Seq: 1, Owner: "acme", Account: "a1", Name: "inv", Event: "e1", At: began}
		if err := w.planner.Deliver(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if c.fires {
			w.now = began.Add(time.Duration(c.days) * day)
			for m := range w.timers {
				if err := w.firer.Due(t.Context(), m); err != nil {
					t.Fatal(err)
				}
			}
		}
		w.now = began.Add(c.age)
		if err := w.planner.Reconcile(t.Context(), keep); err != nil {
			t.Fatal(err)
		}
		s := w.shelf[matter.Key("acme", "a1", "inv")]
		if kept := s.matter != nil; kept != c.kept || kept && s.matter.Unfinished() == c.finished {
			t.Errorf("%s: kept %v: %+v", c.rule, kept, s.matter)
		}
	}
}
