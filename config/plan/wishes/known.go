package wishes

import (
	"sync"
	"time"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/matter"
)

// Snapshots are the owners' configuration as far as it is known.
type Snapshots interface {
	// Owner returns the snapshot of one owner, never nil.
	Owner(owner string) *directory.Snapshot
}

// Known has the owners' wishes at hand: those of a snapshot are worked out once.
// It may be used by many goroutines.
type Known struct {
	snapshots Snapshots
	owners    sync.Map // owner id to *entry
}

type entry struct {
	of        *directory.Snapshot
	wishes    matter.Wishes
	schedules map[Schedule]bool
}

// NewKnown returns the wishes of the snapshots.
func NewKnown(s Snapshots) *Known { return &Known{snapshots: s} }

// Of returns the wishes of an owner, which nobody may change.
func (k *Known) Of(id string) matter.Wishes { return k.entry(id).wishes }

// Wanted returns what tells whether an owner wants a plan's event.
func (k *Known) Wanted(id string) func(*matter.Plan) bool {
	e := k.entry(id)
	var derive owner.Derive
	if e.of.Owner != nil {
		derive = e.of.Owner.Derive
	}
	return func(p *matter.Plan) bool {
		switch p.Kind {
		case matter.Overdue:
			return derive.Overdue
		case matter.Dormant:
			return derive.DormantAfterDays == p.Days
		}
		return e.schedules[Schedule{p.Days, p.Time, p.Calendar}]
	}
}

// Keep returns how long an owner's invoices and services are remembered: as long
// as a subscription of the owner may plan for them, or anything does. Of an owner that is not
// known that is as long as any may.
func (k *Known) Keep(id string) time.Duration {
	e := k.entry(id)
	days := owner.MostX
	if e.of.Owner != nil {
		days = max(e.of.Owner.MaxDays(), farthest(e.wishes), e.of.Owner.Derive.DormantAfterDays)
	}
	return time.Duration(days+1) * 24 * time.Hour // a day may have an hour more, and zones differ
}

func (k *Known) entry(id string) *entry {
	now := k.snapshots.Owner(id)
	if e, ok := k.owners.Load(id); ok && e.(*entry).of == now {
		return e.(*entry)
	}
	e := &entry{of: now, wishes: Of(now), schedules: Schedules(now)}
	k.owners.Store(id, e)
	return e
}
