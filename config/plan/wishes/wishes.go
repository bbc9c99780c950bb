// Package wishes tells which scheduled events the subscriptions of an owner
// want. It refuses to plan them.
package wishes

import (
	"iter"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/subscription"
)

// Configuration is the owners' subscriptions as far as they are known.
type Configuration interface {
	// Owner returns the snapshot of one owner, never nil.
	Owner(owner string) *directory.Snapshot
	// Owners returns every owner with its snapshot.
	Owners() iter.Seq2[string, *directory.Snapshot]
	// Revision returns up to which revision of the bucket the snapshots are.
	Revision() uint64
}

// Of returns the wishes of a snapshot's subscriptions.
func Of(s *directory.Snapshot) matter.Wishes {
	out := matter.Wishes{}
	for _, sub := range s.Subscriptions {
		rule, ok := ruleOf(&sub.Spec)
		if !ok || !sub.Live() {
			continue
		}
		from := began(sub, rule)
		if known, ok := out[rule]; !ok || from < known {
			out[rule] = from
		}
	}
	return out
}

// farthest returns the greatest number of days of the wishes.
func farthest(w matter.Wishes) int {
	days := 0
	for rule := range w {
		days = max(days, rule.Days)
	}
	return days
}

// Schedule is what an event and its plan say of a rule.
type Schedule struct {
	Days     int
	Time     string
	Calendar string
}

// Schedules returns the schedules of a snapshot's wishes.
func Schedules(s *directory.Snapshot) map[Schedule]bool {
	out := map[Schedule]bool{}
	for rule := range Of(s) {
		out[Schedule{rule.Days, rule.At.String(), matter.CalendarID(rule.Calendar)}] = true
	}
	return out
}

// began returns behind which sequence a live subscription has the rule. A
// change of something else begins a new version and not a new wish.
func began(s *subscription.Subscription, rule due.Rule) uint64 {
	n := len(s.Versions) - 1
	from := s.Versions[n].FromSeq
	for n--; n >= 0; n-- {
		v := &s.Versions[n]
		if r, ok := ruleOf(v.Spec); !ok || r != rule || v.UntilSeq < from {
			break
		}
		from = v.FromSeq
	}
	return from
}

func ruleOf(s *subscription.Spec) (due.Rule, bool) {
	if s.Schedule == nil {
		return due.Rule{}, false
	}
	at, err := due.ParseTimeOfDay(s.Schedule.Time)
	if err != nil { // refused when it was saved
		return due.Rule{}, false
	}
	return due.Rule{Days: s.Schedule.Days, At: at, Calendar: due.Calendar(s.Schedule.Calendar.Text())}, true
}
