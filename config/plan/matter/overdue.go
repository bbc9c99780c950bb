package matter

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/due"
)

// Reasons why derived plans are cancelled that are planned again when it is no
// longer so.
const (
	// Settled invoices owe nothing, as far as was told.
	Settled = "no balance above zero is known"
	// Moved plans gave way to one for another due date.
	Moved = "the due date changed"
)

// toldReason begins the reason of what the platform sent itself.
const toldReason = "the platform sent its own: "

// Due dates outside of these years mean that there is none.
const (
	firstYear = 1971
	lastYear  = 9998
)

// closed are the states of invoices that owe nothing whatever their balance.
var closed = []string{"paid", "void", "voided"}

// Tell takes in that the platform itself sent an event that the invoice is
// overdue: none is derived any more. What a plan fired says nothing.
func (i *Matter) Tell(n News) (changed bool) {
	if n.Seq <= i.Seq || i.fired(n.Event) {
		return false
	}
	if i.Name == "" {
		i.identify(n)
		i.KnownAt = n.At
	}
	i.Learn(n)
	i.Seq, i.Told = n.Seq, n.Event
	i.cancel(Overdue, toldReason+n.Event)
	return true
}

// Derive makes the plans of derived events agree with what the owner wants of
// them, with the zone and with what is known, and reports whether it changed
// any. Unless after is zero, a plan that lacks is made only when it is due after
// that moment, and a due date that had passed by then is left alone for ever.
func (i *Matter) Derive(d owner.Derive, at Place, after time.Time) (changed bool) {
	if i.Usage != nil {
		return i.watch(d, at)
	}
	if i.Ended != "" || i.Name == "" {
		return false
	}
	day := cmp.Or(i.DueDate, i.Values.Text(DueDate))
	date, err := time.Parse(time.DateOnly, day)
	switch {
	case !d.Overdue:
		return i.cancel(Overdue, Unwanted)
	case i.Told != "":
		return i.cancel(Overdue, toldReason+i.Told)
	case err != nil || date.Year() < firstYear || date.Year() > lastYear:
		return i.cancel(Overdue, Moved)
	case !i.owes():
		return i.cancel(Overdue, Settled)
	}
	next := Plan{
		ID: derivedID(Overdue, i, day), Kind: Overdue, For: day, Delivered: max(i.Posted, i.Delivered),
		State: Refused, Reason: at.Refusal,
	}
	if at.Zone != nil {
		next.State, next.Reason = Pending, ""
		next.Zone, next.DueAt = at.Zone.String(), due.On(date.AddDate(0, 0, 1), 0, at.Zone)
	}
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == Overdue && p.ID != next.ID && p.cancel(Moved) {
			changed = true
		}
	}
	old := i.Plan(next.ID)
	switch made := old == nil || old.revives(&next); {
	case made && day == i.Passed:
		return changed
	case made && !after.IsZero() && next.State == Pending && !next.DueAt.After(after):
		i.Passed = day
		return true
	}
	return i.plan(next, false, after) || changed
}

// cancel cancels the plans of a kind that have not begun to fire.
func (i *Matter) cancel(k Kind, reason string) (changed bool) {
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == k && p.cancel(reason) {
			changed = true
		}
	}
	return changed
}

// owes reports whether the invoice has a balance above zero and no state that
// says otherwise.
func (i *Matter) owes() bool {
	if slices.Contains(closed, strings.ToLower(i.present(Status))) {
		return false
	}
	digits, _, _ := strings.Cut(strings.ToLower(i.present(Balance)), "e")
	return !strings.HasPrefix(digits, "-") && strings.ContainsAny(digits, "123456789")
}
