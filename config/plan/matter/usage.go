package matter

import (
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/due"
)

// Usage is what is known of the usage of a service. Usage is frequent, so it is
// told by days: what comes later on a day that is known changes nothing and is
// not stored.
type Usage struct {
	// Seen is the first usage of the last day that had any.
	Seen time.Time `json:"seen,omitzero"`
	// Through is the end of that day where it was reckoned. All usage that was
	// taken in lies before it, in whatever zone days are reckoned later. Zero
	// is a service that is not watched: it is dormant, ended or was never wanted.
	Through time.Time `json:"through,omitzero"`
	// Silent is the moment of the last dormancy or end: usage up to it, which
	// came late, ends neither.
	Silent time.Time `json:"silent,omitzero"`
	// Package is the package that the service belongs to.
	Package string `json:"package,omitempty"`
}

// silent ends the watch at a moment.
func (u *Usage) silent(at time.Time) { u.Silent, u.Through = latest(u.Silent, at), time.Time{} }

// packageID is the token of the package of a service.
const packageID = "AccountPackage.Id"

// See takes usage in, on a day that ends in the place, UTC where there is no
// zone.
func (i *Matter) See(n News, at Place) (changed bool) {
	if n.Seq <= i.Seq {
		return false
	}
	u := i.Usage
	if u == nil {
		u = new(Usage)
	}
	if !n.At.After(u.Silent) || !n.At.After(u.Through) {
		return false
	}
	i.identify(n)
	i.Usage, i.Values, i.Ended = u, n.Values, ""
	zone := at.Zone
	if zone == nil {
		zone = time.UTC
	}
	u.Seen, u.Through, u.Package = n.At, latest(n.At, due.Rule{Days: 1}.After(n.At, zone).Add(-time.Second)), n.Values.Text(packageID)
	return true
}

// Sleep takes in an event that the service is dormant, which usage that followed
// it has ended. The platform sent it itself, or it is one that a plan fired and
// says nothing new.
func (i *Matter) Sleep(n News) (changed bool) {
	if n.Seq <= i.Seq {
		return false
	}
	if i.Usage == nil {
		i.Usage = new(Usage)
	}
	i.identify(n)
	if u := i.Usage; !u.Through.IsZero() && n.At.Before(u.Seen) {
		u.Silent = latest(u.Silent, n.At)
		return true
	}
	i.Usage.silent(n.At)
	i.cancel(Dormant, toldReason+n.Event)
	return true
}

// watch makes the plan of a service agree with what is wanted. Unwanted ones
// are watched no more: their usage is not taken in meanwhile.
func (i *Matter) watch(d owner.Derive, at Place) (changed bool) {
	u := i.Usage
	if d.DormantAfterDays == 0 {
		changed = !u.Through.IsZero()
		u.Through = time.Time{}
		return i.cancel(Dormant, Unwanted) || changed
	}
	if u.Through.IsZero() {
		return false
	}
	next := Plan{
		ID: derivedID(Dormant, i, u.Through.UTC().Format(time.RFC3339)), Kind: Dormant, Days: d.DormantAfterDays,
		For: u.Through.Format(time.DateOnly), LastSeen: u.Seen, State: Refused, Reason: at.Refusal,
	}
	if at.Zone != nil {
		next.State, next.Reason = Pending, ""
		next.Zone, next.For = at.Zone.String(), u.Through.In(at.Zone).Format(time.DateOnly)
		next.DueAt = due.Rule{Days: d.DormantAfterDays + 1}.After(u.Through, at.Zone)
	}
	return i.replace(next)
}

// replace puts the plan of a service in its place: that of the one that is
// pending, whose timer serves on. Of those that fired the last is kept.
func (i *Matter) replace(next Plan) (changed bool) {
	var fired, firing []Plan
	for n := range i.Plans {
		switch old := &i.Plans[n]; {
		case old.ID == next.ID && !old.gives(&next):
			return false
		case old.State == Fired:
			fired = []Plan{*old}
		case old.State == Firing:
			firing = append(firing, *old)
		case old.State == Pending && old.ID == next.ID:
			next.Wake, next.Forced = old.Wakes(), old.Forced
		case old.State == Pending && old.Forced.IsZero():
			next.Wake = old.Wakes()
		}
	}
	i.Plans = append(append(fired, firing...), next)
	return true
}

// gives reports whether the plan of a service gives way to one that follows the
// same usage.
func (p *Plan) gives(next *Plan) bool {
	switch p.State {
	case Pending:
		// A zone that was taken away does not move what had one.
		return next.State == Pending && !p.says(next)
	case Refused:
		return next.State == Pending
	case Cancelled:
		return p.Reason != ByOperator
	}
	return false
}
