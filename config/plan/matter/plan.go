package matter

import "time"

// State is how far a plan has come.
type State string

// The states of a plan.
const (
	Pending   State = "pending"
	Firing    State = "firing"
	Fired     State = "fired"
	Cancelled State = "cancelled"
	// Refused is a plan that has no moment because there is no time zone.
	Refused State = "refused"
)

// Finished reports whether nothing is to be done about the plan.
func (s State) Finished() bool { return s != Pending && s != Firing }

// Reasons why plans are cancelled, beside the types of the events that end an
// invoice.
const (
	// Unwanted plans are planned again when a subscription wants them again.
	Unwanted = "no subscription wants it"
	// ByOperator stays: only a new delivery plans again.
	ByOperator = "cancelled by an operator"
)

// Kind is why an event is planned.
type Kind string

// The kinds of plans.
const (
	// AfterDelivery is what subscriptions with a schedule want.
	AfterDelivery Kind = ""
	// Overdue is derived from a due date that passed, Dormant from usage that
	// stayed away.
	Overdue Kind = "overdue"
	Dormant Kind = "dormant"
)

// String returns what people call the kind.
func (k Kind) String() string {
	if k == AfterDelivery {
		return "delivery"
	}
	return string(k)
}

// Plan is one event to be fired for an invoice or a service.
type Plan struct {
	// ID is that of [ID], or for a derived event it follows from what the
	// event is derived from.
	ID   string `json:"id"`
	Kind Kind   `json:"kind,omitempty"`
	// For is the local date that a derived event follows: the due date, or the
	// last day with usage.
	For string `json:"for,omitempty"`
	// LastSeen is the usage that a dormancy follows.
	LastSeen time.Time `json:"last_seen,omitzero"`
	// Days, Time ("HH:MM:SS") and Calendar (an id) are the schedule of the
	// subscriptions that share the event; of a dormancy, Days are those without
	// usage.
	Days     int    `json:"days"`
	Time     string `json:"time,omitempty"`
	Calendar string `json:"calendar,omitempty"`
	// Zone is the IANA zone that the moment was reckoned in.
	Zone string `json:"zone,omitempty"`
	// DueAt has the zone's offset.
	DueAt time.Time `json:"due_at,omitzero"`
	State State     `json:"state"`
	// Reason says why a plan is cancelled or refused.
	Reason string `json:"reason,omitempty"`
	// Delivered is the sequence of the delivery, or of the posting, that the
	// plan was made for.
	Delivered uint64 `json:"delivered,omitempty"`
	// Wake is when to look at the plan though it is due later; zero for when it
	// is due. Usage moves the plan of a service every day, and its timer only
	// when that has gone off.
	Wake time.Time `json:"wake,omitzero"`
	// Forced is the moment at which an operator wanted it fired, whatever its
	// own; zero when nobody did.
	Forced time.Time `json:"forced,omitzero"`
	// FiredAt is when the plan began to fire; Late says that this was after
	// downtime.
	FiredAt time.Time `json:"fired_at,omitzero"`
	Late    bool      `json:"late,omitempty"`
}

func (p *Plan) cancel(reason string) bool {
	if p.State != Pending && p.State != Refused {
		return false
	}
	p.State, p.Reason, p.Forced, p.Wake = Cancelled, reason, time.Time{}, time.Time{}
	return true
}

// Moment returns when the plan fires: when an operator wanted it to, else when
// it is due.
func (p *Plan) Moment() time.Time {
	if !p.Forced.IsZero() {
		return p.Forced
	}
	return p.DueAt
}

// Wakes returns when to look at a plan that may still fire: not after it fires.
func (p *Plan) Wakes() time.Time {
	if m := p.Moment(); !p.Forced.IsZero() || p.Wake.IsZero() || p.Wake.After(m) {
		return m
	}
	return p.Wake
}
