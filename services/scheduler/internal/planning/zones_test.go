package planning_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/shared/event"
)

// A scheduler lives through the days around a clock change of each of these
// zones, a quarter of an hour at a time, with the clock set forwards and back
// on the way: what is planned for every half hour of those days fires once, and
// the first time that the script looks at or after its moment.
func TestTheDaysOfClockChangesAreFiredThroughInOddZones(t *testing.T) {
	for _, c := range []struct{ zone, change string }{
		{"Europe/Paris", "2026-03-29"}, {"Europe/Paris", "2026-10-25"}, {"Europe/Dublin", "2026-03-29"},
		{"America/New_York", "2026-03-08"}, {"America/St_Johns", "2026-11-01"}, {"America/Havana", "2026-03-08"},
		{"America/Havana", "2026-11-01"}, {"America/Santiago", "2026-09-06"}, {"America/Asuncion", "2024-10-06"},
		{"America/Scoresbysund", "2024-03-31"}, {"America/Nuuk", "2026-03-28"}, {"Africa/Cairo", "2026-04-24"},
		{"Africa/Casablanca", "2026-02-15"}, {"Africa/El_Aaiun", "2026-03-22"}, {"Asia/Beirut", "2026-03-29"},
		{"Asia/Gaza", "2026-03-28"}, {"Asia/Jerusalem", "2026-03-27"}, {"Asia/Pyongyang", "2018-05-05"},
		{"Asia/Almaty", "2024-03-01"}, {"Antarctica/Troll", "2026-03-29"}, {"Atlantic/Azores", "2026-10-25"},
		{"Australia/Lord_Howe", "2026-04-05"}, {"Australia/Lord_Howe", "2026-10-04"}, {"Pacific/Chatham", "2026-09-27"},
		{"Pacific/Apia", "2011-12-30"}, {"Pacific/Fakaofo", "2011-12-30"}, {"Europe/Volgograd", "2020-12-27"},
	} {
		t.Run(c.zone+" "+c.change, func(t *testing.T) { liveThrough(t, c.zone, c.change) })
	}
}

func liveThrough(t *testing.T, name, change string) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	day, err := time.Parse(time.DateOnly, change)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld()
	w.account = name
	w.now = day.Add(-36 * time.Hour) // on the day before or the one before that
	expected := map[string]time.Time{}
	for days := range 4 {
		for at := due.TimeOfDay(0); at < 24*3600; at += 1800 {
			w.wanted[due.Rule{Days: days, At: at}] = 0
		}
	}
	d := matter.News{Seq: 1, Owner: "acme", Account: "a1", Name: "inv", Event: "e1", At: w.now, Values: event.Values{}}
	if err := w.planner.Deliver(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	for rule := range w.wanted {
		id := matter.ID("acme", "inv", rule)
		expected[(&matter.Plan{ID: id}).EventID()] = rule.After(d.At, zone)
	}
	seen := map[string]bool{}
	for n := range 6 * 24 * 4 {
		w.now = w.now.Add(15 * time.Minute)
		look(t, w)
		if n%10 == 0 { // the clock is set back and corrected
			w.now = w.now.Add(-time.Hour)
			look(t, w)
			w.now = w.now.Add(time.Hour)
		}
		for _, e := range w.inbox {
			if seen[e.ID] {
				t.Fatalf("%s fired twice", e.ID)
			}
			seen[e.ID] = true
			if at := expected[e.ID]; w.now.Before(at) || w.now.Sub(at) >= 15*time.Minute && at.After(d.At) {
				t.Errorf("%s fired at %s, due %s", e.ID, w.now, at)
			}
		}
		w.inbox = nil
	}
	if len(seen) != len(expected) { // rules of a skipped day are rules too
		t.Errorf("%d of %d fired", len(seen), len(expected))
	}
}

// look lets every timer go off that the clock has come to.
func look(t *testing.T, w *world) {
	t.Helper()
	for _, m := range slices.SortedFunc(maps.Keys(w.timers), timer.Moment.Compare) {
		if m.Time().After(w.now) {
			break
		}
		delete(w.timers, m)
		if err := w.firer.Due(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
}
