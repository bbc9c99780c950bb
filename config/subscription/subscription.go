// Package subscription says who wants which events, how, and from which event
// on. Configuration and events meet at sequences: every version of a
// subscription has the range of EVENTS that it matches. It refuses to match;
// see shared/filter.
package subscription

import (
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/tokens"
)

// DeliveryDatePlus is the event type that needs a [Schedule].
const DeliveryDatePlus = tokens.DeliveryDatePlus

// Order says in which order deliveries of a subscription are made.
type Order string

// The orders.
//
//	unordered           as soon as possible, in any order
//	ordered             one after another, in the order of the events
//	ordered_by_account  one after another per account, accounts side by side
const (
	Unordered        Order = "unordered"
	Ordered          Order = "ordered"
	OrderedByAccount Order = "ordered_by_account"
)

// Orders lists every [Order].
func Orders() []Order { return []Order{Unordered, Ordered, OrderedByAccount} }

// InOrder reports whether deliveries wait for the ones before them.
func (o Order) InOrder() bool { return o == Ordered || o == OrderedByAccount }

// Head says what becomes of an ordered delivery that fails, which those behind
// it wait for.
type Head string

// The policies for the head of a line.
//
//	block  it is tried again on the endpoint's schedule, then at its last
//	       interval, for as long as it takes
//	park   it is given up when the schedule is used up, and the next one follows
//	pause  the subscription pauses when the schedule is used up
const (
	Block Head = "block"
	Park  Head = "park"
	Pause Head = "pause"
)

// Heads lists every [Head].
func Heads() []Head { return []Head{Block, Park, Pause} }

// Spec is what an owner writes and reads of a subscription.
type Spec struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Events are the types wanted.
	Events []string `json:"events"`
	// Filter narrows the events down by token values; empty takes all.
	Filter  filter.Spec      `json:"filter,omitempty"`
	Channel delivery.Channel `json:"channel"`
	// Webhook is set for the webhook channel, Email for the email channel.
	Webhook *Webhook `json:"webhook,omitempty"`
	Email   *Email   `json:"email,omitempty"`
	// Schedule is set for [DeliveryDatePlus], and for nothing else.
	Schedule *Schedule `json:"schedule,omitempty"`
	// Order is [Unordered] when not given.
	Order Order `json:"order,omitempty"`
	// Head is [Block] when not given. Only orders have a head.
	Head Head `json:"head,omitempty"`
	// Start is from where in the past a new subscription begins: [start.Now],
	// which is meant when it is not given, [start.Beginning], or a moment in
	// RFC 3339. It is read when the subscription is made, and not afterwards.
	Start string `json:"start,omitempty"`
	// Active is true when not given. An inactive subscription matches nothing.
	Active *bool `json:"active,omitempty"`
}

// Webhook says what is posted where.
type Webhook struct {
	// Endpoint is the id of an endpoint of the same owner.
	Endpoint string `json:"endpoint"`
	// Path is a template put behind the endpoint's base URL; token values are
	// escaped per segment.
	Path string `json:"path,omitempty"`
	// Parameters are names and values, each place's in this order. With none
	// in the body, data holds every value of the event that webhooks may use.
	Parameters []Parameter `json:"parameters,omitempty"`
	// Format is [Plain] when not given.
	Format Format `json:"format,omitempty"`
}

// Format is the form of a webhook's body.
type Format string

// The formats: Billhook's own, and CloudEvents 1.0 in its structured JSON mode.
const (
	Plain       Format = "billhook"
	CloudEvents Format = "cloudevents"
)

// Formats lists every [Format].
func Formats() []Format { return []Format{Plain, CloudEvents} }

// Place is where in a request a parameter stands.
type Place string

// The places.
//
//	body    a member of the payload's data, of the token's type
//	query   a pair of the URL's query, percent-encoded
//	header  a header line; runs of line ends and control characters become one
//	        space
const (
	InBody   Place = "body"
	InQuery  Place = "query"
	InHeader Place = "header"
)

// Places lists every [Place].
func Places() []Place { return []Place{InBody, InQuery, InHeader} }

// Output is what a template renders for the place.
func (p Place) Output() tokens.Output {
	switch p {
	case InQuery:
		return tokens.URLQuery
	case InHeader:
		return tokens.HeaderLine
	default:
		return tokens.JSONValue
	}
}

// Parameter is one name and value of a request. Exactly one of Token, Literal
// and Template is set.
type Parameter struct {
	Name string `json:"name"`
	// In is [InBody] when not given.
	In Place `json:"in,omitempty"`
	// Token is the name of a token; its type is kept.
	Token string `json:"token,omitempty"`
	// Literal is the value itself; nil when not set, so that "" is a value.
	Literal *string `json:"literal,omitempty"`
	// Template gives a JSON value in the body, text elsewhere.
	Template string `json:"template,omitempty"`
}

// Email says which canned email is sent.
type Email struct {
	// CannedEmail is the id of an active canned email of the same owner.
	CannedEmail string `json:"canned_email"`
	// To, CC and BCC are contact types that take the place of the canned
	// email's recipients of the same kind, where given.
	To  []string `json:"to,omitempty"`
	CC  []string `json:"cc,omitempty"`
	BCC []string `json:"bcc,omitempty"`
	// CopyEach sends cc and bcc with the letter to every contact. Otherwise
	// they go with the first one only.
	CopyEach bool `json:"copy_each,omitempty"`
	// Fallback is who gets the email where the account has no contact of a
	// type in To: [FallbackNone], which is meant when it is not given,
	// [FallbackBilling], or an address.
	Fallback string `json:"fallback,omitempty"`
	// Document is what becomes of the document of an invoicing event;
	// [DocumentIfThere] when not given.
	Document Document `json:"document,omitempty"`
}

// The words for [Email.Fallback] beside an address.
const (
	FallbackNone    = "none"
	FallbackBilling = "billing"
)

// Document says whether the document of an invoicing event, such as the
// invoice, is attached.
type Document string

// What is attached.
//
//	if_there  the document, where the platform has put it by then
//	await     the same, but it is waited for; then the email goes without it
//	require   the same, but without it the email is parked
//	none      nothing
const (
	DocumentIfThere Document = "if_there"
	AwaitDocument   Document = "await"
	RequireDocument Document = "require"
	NoDocument      Document = "none"
)

// Documents lists every [Document].
func Documents() []Document {
	return []Document{DocumentIfThere, AwaitDocument, RequireDocument, NoDocument}
}

// Schedule is when a scheduled event is due: whole days after the invoice's
// delivery, at a local time of day.
type Schedule struct {
	// Days is 0 to [owner.MostX], and no more than the owner allows.
	Days int `json:"days"`
	// Time is "HH:MM" or "HH:MM:SS" as written; stored with seconds.
	Time string `json:"time"`
	// Calendar moves the day to a business day; nil moves nothing.
	Calendar *Calendar `json:"calendar,omitempty"`
}

// Enabled reports whether the subscription asks to match.
func (s *Spec) Enabled() bool { return s.Active == nil || *s.Active }

// Subscription is a stored subscription: the newest spec, and the versions
// that match.
type Subscription struct {
	Spec
	// Revision counts the versions ever made, from 1.
	Revision int `json:"revision"`
	// Deleted marks a subscription that its owner deleted. It stays for a
	// while so that a matcher that is behind still matches what came before.
	Deleted bool `json:"deleted,omitempty"`
	// Versions are in the order of their ranges, newest last. The newest one
	// is open while the subscription is active.
	Versions []Version `json:"versions"`
	// PrunedUntil is the until_seq of the last version that was pruned.
	PrunedUntil uint64 `json:"pruned_until,omitempty"`
	// Stored is the revision of the bucket that this was read at. It is set by
	// readers and not stored.
	Stored uint64 `json:"-"`
}

// Version is a spec with the range of EVENTS it matches: the events with
// FromSeq < sequence ≤ UntilSeq.
type Version struct {
	Revision int    `json:"revision"`
	FromSeq  uint64 `json:"from_seq"`
	// UntilSeq is the last sequence that matches; it counts once EndedAt is
	// set, and may be 0 then: no event came before the end.
	UntilSeq uint64 `json:"until_seq,omitempty"`
	// EndedAt is when the version was closed; zero while it is open.
	EndedAt time.Time `json:"ended_at,omitzero"`
	// Stored is the bucket's revision at which a closed version was first
	// stored, so that a matcher can tell those it knew from those it learns of
	// late. An open version was stored at the revision of its value.
	Stored uint64 `json:"stored,omitempty"`
	// Spec is what matches; that of an open version is the subscription's own.
	Spec *Spec `json:"spec,omitempty"`
}
