package tokens

import "slices"

// Origin says where an event type comes from.
type Origin string

// The origins.
const (
	// Seed marks the fifteen events that the product was made for.
	Seed Origin = "seed"
	// Later marks names that newer systems of this kind use.
	Later Origin = "later"
	// Change marks the creation, update or deletion of an object.
	Change Origin = "change"
	// Signal marks events that are input only; nobody can subscribe to them.
	Signal Origin = "signal"
	// Operational marks events that Billhook itself fires about its work.
	Operational Origin = "operational"
)

// DeliveryDatePlus is the type of the event that the scheduler fires x days
// after an invoice's delivery. It matches only subscriptions with its own days
// and time.
const DeliveryDatePlus = "invoice.delivery_date_plus"

// EventType is one row of events.csv. Its slices are shared: read them only.
type EventType struct {
	// Name is for people, such as "Invoice Posted".
	Name string
	// Type is the dotted name in envelopes and subjects, such as
	// "invoice.posted".
	Type string
	// Aliases are other names in use for the same event.
	Aliases []string
	// Context names what the event is about; it decides on Groups.
	Context string
	Origin  Origin
	// FiredBy says who may publish it: platform, scheduler, billhook.
	FiredBy []string
	// Invoicing events go to the billing contact of an account with email
	// invoicing.
	Invoicing bool
	// Filters are tokens worth filtering on.
	Filters []string
	// Settings says in words what a subscription to it must or should know.
	Settings string
	// Groups are the token groups that the context offers.
	Groups []string
}

// Subscribable reports whether anybody may subscribe to the event.
func (e EventType) Subscribable() bool { return e.Origin != Signal }

// Offers reports whether the event offers a token on some channel: its context
// has the token's group, and the token is not only for other events.
func (e EventType) Offers(t Token) bool {
	return slices.Contains(e.Groups, t.Group) &&
		(len(t.OnlyFor) == 0 || slices.Contains(t.OnlyFor, e.Type))
}

// Context is one row of contexts.csv: which groups of tokens it offers.
type Context struct {
	Name   string
	Groups []string
	// Source says whether the row was observed or is our addition.
	Source string
}
