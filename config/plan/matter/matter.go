// Package matter is what plans are made for: an invoice, or a service whose
// usage is watched, with its plans. It is the scheduler's truth, stored as one
// value, so that whatever shapes a plan or fires it is one compare-and-set. It
// is pure and refuses to know any clock.
//
//	                      ┌───────────┐ fires   ┌────────┐ published ┌───────┐
//	wanted ──────────────▶│  pending  │────────▶│ firing │──────────▶│ fired │
//	                      └───────────┘         └────────┘           └───────┘
//	   unwanted, ended, ▲  │ ▲ zone known
//	   by an operator ──┼──┘ └────────┐
//	                    ▼             │
//	              ┌───────────┐  ┌─────────┐
//	              │ cancelled │  │ refused │ (no zone)
//	              └───────────┘  └─────────┘
//
// What fires never becomes anything else again, and what is cancelled does not
// fire unless it is planned anew.
package matter

import (
	"maps"
	"time"

	"github.com/billhook/billhook/shared/event"
)

// Matter is an invoice or a service.
type Matter struct {
	Owner   string `json:"owner"`
	Account string `json:"account,omitempty"`
	// Part is the owner's partition of EVENTS.
	Part int `json:"part"`
	// Name tells it from the owner's other invoices, or the account's other
	// services.
	Name string `json:"name"`
	// Seq is the sequence in EVENTS of the last event that shaped it; what is
	// older changes nothing any more.
	Seq uint64 `json:"seq"`
	// Delivery is the id of the last delivery event, Delivered its sequence,
	// DeliveredAt the moment of the delivery; zero before one.
	Delivery    string    `json:"delivery,omitempty"`
	Delivered   uint64    `json:"delivered"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	// Posted is the sequence of the last event that the invoice was posted, of
	// an owner for whom overdue events are derived.
	Posted uint64 `json:"posted,omitempty"`
	// KnownAt is the moment of the first event about what was not delivered.
	KnownAt time.Time `json:"known_at,omitzero"`
	// Values are those of the delivery, before one those of the posting, and
	// of a service those of its last usage; frozen.
	Values event.Values `json:"values,omitempty"`
	// Present are status and balance as later events told them.
	Present event.Values `json:"present,omitempty"`
	// DueDate is the date at which payment is due, where an event told another
	// than the values have.
	DueDate string `json:"due_date,omitempty"`
	// Passed is the due date that had passed when overdue events began to be
	// derived: none is derived for it.
	Passed string `json:"passed,omitempty"`
	// Told is the id of the platform's own event that the invoice is overdue:
	// none is derived then.
	Told string `json:"told,omitempty"`
	// Ended says why nothing is planned any more: the type of the event that
	// ended it. It is empty for what lives.
	Ended string `json:"ended,omitempty"`
	// Usage is set for a service.
	Usage *Usage `json:"usage,omitempty"`
	Plans []Plan `json:"plans,omitempty"`
}

// News is what an accepted event says of a matter.
type News struct {
	// Seq is the sequence in EVENTS, Part the partition.
	Seq     uint64
	Part    int
	Owner   string
	Account string
	Name    string
	// Event is the event's id, Type its type.
	Event string
	Type  string
	At    time.Time
	// Values are those that a scheduled event may carry, or those that are
	// newer than what is known.
	Values event.Values
}

// Deliver takes a delivery in. One that is not newer than what is known
// changes nothing.
func (i *Matter) Deliver(n News) (changed bool) {
	if n.Seq <= i.Seq {
		return false
	}
	i.begin(n)
	i.Delivered, i.Delivery, i.DeliveredAt = n.Seq, n.Event, n.At
	return true
}

// Post takes in that an invoice was posted: nothing more than newer values when
// it was delivered already.
func (i *Matter) Post(n News) (changed bool) {
	if i.Delivered > 0 {
		return i.Learn(n)
	}
	if n.Seq <= i.Seq {
		return false
	}
	i.begin(n)
	i.Posted, i.KnownAt = n.Seq, n.At
	return true
}

func (i *Matter) begin(n News) {
	i.identify(n)
	i.Values, i.Present, i.Ended, i.DueDate, i.Passed = n.Values, nil, "", "", ""
}

func (i *Matter) identify(n News) {
	i.Owner, i.Account, i.Part, i.Name, i.Seq = n.Owner, n.Account, n.Part, n.Name, n.Seq
}

// Learn takes newer values in that an event told of.
func (i *Matter) Learn(n News) (changed bool) {
	told := current(n.Values)
	at := n.Values.Text(DueDate)
	if n.Seq <= i.Seq || i.Name == "" || i.Ended != "" || len(told) == 0 && at == "" || i.fired(n.Event) {
		return false
	}
	if i.Present == nil {
		i.Present = event.Values{}
	}
	maps.Copy(i.Present, told)
	if at != "" {
		i.DueDate = at
	}
	i.Seq = n.Seq
	return true
}

// The tokens that are kept current.
const (
	Status  = "Invoice.Status"
	Balance = "Invoice.BalanceDue"
	// DueDate is kept for derived events only; others carry the frozen one.
	DueDate = "Invoice.DueDate"
)

func current(v event.Values) event.Values {
	out := event.Values{}
	for _, token := range []string{Status, Balance} {
		if told, ok := v[token]; ok {
			out[token] = told
		}
	}
	return out
}

// present returns a value that is kept current.
func (i *Matter) present(token string) string {
	if v, ok := i.Present[token]; ok {
		return v.Text()
	}
	return i.Values.Text(token)
}

// fired reports whether an event is one that a plan of the matter fired.
func (i *Matter) fired(event string) bool {
	for n := range i.Plans {
		if p := &i.Plans[n]; p.EventID() == event && (p.State == Firing || p.State == Fired) {
			return true
		}
	}
	return false
}

// End cancels every plan that has not begun to fire, by an event. What is left
// is a mark that the matter was there.
func (i *Matter) End(n News) (changed bool) {
	if n.Seq <= i.Seq || i.Name == "" {
		return false
	}
	i.Seq, i.Ended, i.DueDate = n.Seq, n.Type, ""
	if i.Usage != nil {
		i.Usage.silent(n.At)
	}
	firing := false
	for n := range i.Plans {
		i.Plans[n].cancel(i.Ended)
		firing = firing || i.Plans[n].State == Firing
	}
	if !firing {
		i.Values, i.Present = nil, nil
	}
	return true
}

// Unfinished reports whether a plan may still fire.
func (i *Matter) Unfinished() bool {
	for n := range i.Plans {
		if !i.Plans[n].State.Finished() {
			return true
		}
	}
	return false
}

// Last is the latest moment that the matter is about: its delivery, or what was
// seen, due or fired after it.
func (i *Matter) Last() time.Time {
	last := latest(i.DeliveredAt, i.KnownAt)
	if i.Usage != nil {
		last = latest(last, latest(i.Usage.Seen, i.Usage.Silent))
	}
	for n := range i.Plans {
		last = latest(last, latest(i.Plans[n].DueAt, i.Plans[n].FiredAt))
	}
	return last
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
