package matter

import (
	"maps"
	"slices"
	"time"

	"github.com/billhook/billhook/config/plan/due"
)

// Wishes are the rules that an owner's subscriptions have, with the sequence in
// EVENTS behind which each is in force: of invoices that were delivered before,
// only those count whose moment is still ahead.
type Wishes map[due.Rule]uint64

// Place is where a plan is reckoned.
type Place struct {
	// Zone is nil where there is none; Refusal then says why.
	Zone    *time.Location
	Refusal string
}

// Replan makes the plans agree with what is wanted and with the zone, and
// reports whether it changed any. It leaves alone what fires or has fired.
func (i *Matter) Replan(w Wishes, at Place, now time.Time) (changed bool) {
	if i.Delivered == 0 || i.Ended != "" {
		return false
	}
	wanted := map[string]bool{}
	for _, rule := range slices.SortedFunc(maps.Keys(w), due.Rule.Compare) {
		id := ID(i.Owner, i.Name, rule)
		wanted[id] = true
		next := i.draft(id, rule, at)
		if i.plan(next, i.Delivered <= w[rule], now) {
			changed = true
		}
	}
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == AfterDelivery && !wanted[p.ID] && p.cancel(Unwanted) {
			changed = true
		}
	}
	return changed
}

func (i *Matter) draft(id string, rule due.Rule, at Place) Plan {
	next := Plan{
		ID: id, Days: rule.Days, Time: rule.At.String(), Calendar: CalendarID(rule.Calendar), Delivered: i.Delivered,
		State: Refused, Reason: at.Refusal,
	}
	if at.Zone != nil {
		next.State, next.Reason = Pending, ""
		next.Zone, next.DueAt = at.Zone.String(), rule.After(i.DeliveredAt, at.Zone)
	}
	return next
}

// plan puts a plan in its place. Before says that only what is due after now is
// made: the invoice was delivered before the wish began.
func (i *Matter) plan(next Plan, before bool, now time.Time) bool {
	old := i.Plan(next.ID)
	switch {
	case old == nil || old.revives(&next):
		if before && next.State == Pending && !next.DueAt.After(now) {
			return false
		}
		if old == nil {
			i.Plans = append(i.Plans, next)
		} else {
			*old = next
		}
		return true
	case old.State == Pending && next.State == Pending && old.says(&next):
		return false
	case old.State == Pending && next.State == Refused:
		// A zone that was taken away does not move what had one.
		return false
	case old.State == Pending:
		next.Forced = old.Forced
		*old = next
		return true
	}
	return false
}

// says reports whether a plan says what another one does: also by which zone,
// though two may show the same time at that moment.
func (p *Plan) says(next *Plan) bool {
	return p.DueAt.Equal(next.DueAt) && p.Zone == next.Zone && p.Days == next.Days && p.Delivered == next.Delivered
}

// revives reports whether a plan that ended is to be made again.
func (p *Plan) revives(next *Plan) bool {
	switch p.State {
	case Refused:
		return next.State == Pending || next.Delivered > p.Delivered
	case Cancelled:
		return p.Reason == Unwanted || p.Reason == Settled || p.Reason == Moved || next.Delivered > p.Delivered
	}
	return false
}
