// Package plan is what the scheduler intends: one event for one invoice at one
// due moment. It is pure: it knows the states of a plan and which may follow
// which, and refuses clocks, storage and timers.
//
//	            a delivery of the invoice
//	                      │
//	       no zone        ▼       due        published
//	refused ◀──────── pending ─────────▶ firing ────────▶ fired
//	   │                │   ▲
//	   │   void, account│   │ delivered anew
//	   └──▶ pending     ▼   │
//	  delivered anew   cancelled
//
// Only a pending plan can be cancelled, and a plan that began to fire stays
// so: for an invoice, days and time there is one event, ever.
package plan

import (
	"time"

	"github.com/billhook/billhook/shared/event"
)

// State is where a plan stands.
type State string

// The states.
const (
	Pending   State = "pending"   // waits for its moment
	Firing    State = "firing"    // its event is being published, or was
	Fired     State = "fired"     // its event is published; final
	Cancelled State = "cancelled" // Reason says why
	Refused   State = "refused"   // it cannot be reckoned; Reason says why
)

// Finished reports whether nothing is left to do for a plan in the state.
func (s State) Finished() bool { return s != Pending && s != Firing }

// Plan is one event to be fired for one invoice.
type Plan struct {
	// ID is that of [ID]; the plan's key is [Plan.Key].
	ID      string `json:"id"`
	Owner   string `json:"owner"`
	Account string `json:"account,omitempty"`
	// Part is the owner's partition of EVENTS.
	Part    int    `json:"part"`
	Invoice string `json:"invoice"`
	// Days and Time, "HH:MM:SS", are the schedule of the subscriptions that
	// share the event.
	Days int    `json:"days"`
	Time string `json:"time"`
	// Zone is the IANA zone the moment was reckoned in.
	Zone  string    `json:"zone,omitempty"`
	DueAt time.Time `json:"due_at,omitzero"`
	State State     `json:"state"`
	// Reason says why a plan is cancelled or refused.
	Reason string `json:"reason,omitempty"`
	// Seq is the sequence in EVENTS of the last event that shaped the plan;
	// what is older changes nothing any more.
	Seq uint64 `json:"seq"`
	// Delivery is the id of the delivery event, DeliveredAt the moment of the
	// delivery, Values its values, frozen.
	Delivery    string       `json:"delivery"`
	DeliveredAt time.Time    `json:"delivered_at"`
	Values      event.Values `json:"values,omitempty"`
	// FiredAt is when the plan began to fire; Late says that this was after
	// downtime.
	FiredAt time.Time `json:"fired_at,omitzero"`
	Late    bool      `json:"late,omitempty"`
}

// Replan returns what becomes of old when an invoice is delivered and next is
// the plan made from it: next, unless old has begun to fire or is younger.
// Old is nil when there is no plan yet.
func Replan(old *Plan, next Plan) (p Plan, changed bool) {
	if old == nil {
		return next, true
	}
	if old.State == Firing || old.State == Fired || old.Seq >= next.Seq {
		return *old, false
	}
	return next, true
}

// Cancel returns the plan as cancelled by an event of a sequence.
func (p Plan) Cancel(reason string, seq uint64) (_ Plan, changed bool) {
	if p.State != Pending || p.Seq > seq {
		return p, false
	}
	p.State, p.Reason, p.Seq = Cancelled, reason, seq
	return p, true
}

// Fire returns the plan as it begins to fire. It is late when more than grace
// has passed since the due moment. A plan whose moment has not come, or that
// is not pending, does not change.
func (p Plan) Fire(now time.Time, grace time.Duration) (_ Plan, changed bool) {
	if p.State != Pending || now.Before(p.DueAt) {
		return p, false
	}
	p.State, p.FiredAt, p.Late = Firing, now.UTC(), now.Sub(p.DueAt) > grace
	return p, true
}

// Done returns the plan as fired.
func (p Plan) Done() Plan {
	p.State = Fired
	return p
}
