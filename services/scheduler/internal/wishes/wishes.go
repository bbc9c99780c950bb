// Package wishes tells which scheduled events the subscriptions of an owner
// want. It refuses to plan them.
package wishes

import (
	"iter"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/scheduler/internal/due"
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

// Wishes are the rules that subscriptions have, with the sequence in EVENTS
// behind which each is in force: of invoices that were delivered before, only
// those count whose moment is still ahead.
type Wishes map[due.Rule]uint64

// Of returns the wishes of a snapshot's subscriptions.
func Of(s *directory.Snapshot) Wishes { return Since(s, 0) }

// Since returns the wishes of those subscriptions that were stored behind a
// revision of their bucket.
func Since(s *directory.Snapshot, revision uint64) Wishes {
	out := Wishes{}
	for _, sub := range s.Subscriptions {
		rule, ok := ruleOf(&sub.Spec)
		if !ok || !sub.Live() || sub.Stored <= revision {
			continue
		}
		from := began(sub, rule)
		if known, ok := out[rule]; !ok || from < known {
			out[rule] = from
		}
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
	return due.Rule{Days: s.Schedule.Days, At: at}, true
}
