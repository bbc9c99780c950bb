// Package probe has an endpoint, SMTP settings or a canned email tried out: a question to whichever sender is
// there, and its answer. Nothing of it is stored in a stream. The answer goes to
// a subject that the asker chose among those of answers: a sender may write to no
// other, and only the operator and the console may listen there. It refuses to try anything.
package probe

import (
	"io"
	"time"

	"github.com/billhook/billhook/shared/id"
)

// Key draws the id of what is sent by way of trial out of random bytes: none that
// a delivery has.
func Key(random io.Reader) string { return "test_" + id.Draw(random) }

// Question asks for an example event to be sent to an endpoint.
type Question struct {
	Owner     string `json:"owner"`
	Endpoint  string `json:"endpoint"`
	EventType string `json:"event_type"`
	// Subscription says what is sent; empty means all that webhooks may use.
	Subscription string `json:"subscription,omitempty"`
}

// Report is what became of it.
type Report struct {
	// Refused says why nothing was sent; nil when something was.
	Refused *Refusal `json:"refused,omitempty"`
	Exchange
}

// Exchange is a request and what came of it.
type Exchange struct {
	Request Request `json:"request,omitzero"`
	// Reason is empty when the receiver took it, else that of an outcome;
	// Detail is for people.
	Reason   string   `json:"reason,omitempty"`
	Detail   string   `json:"detail,omitempty"`
	Response Response `json:"response,omitzero"`
	Timing   Timing   `json:"timing,omitzero"`
}

// Refuse returns the report that nothing was sent.
func Refuse(r Refusal) Report { return Report{Refused: &r} }

// Refusal says why nothing was sent.
type Refusal struct {
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Passing is true where the same question may be answered in a moment: by
	// another sender, or once this one has heard of what was configured.
	Passing bool `json:"passing,omitempty"`
}

// Request is what was sent. The values of headers that may be secret are masked.
type Request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Header []Line `json:"header"`
	Body   string `json:"body"`
}

// Line is a header line.
type Line struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Response is what came back, its headers and its body cut off. Status is 0 when
// nothing came.
type Response struct {
	Status int    `json:"status,omitempty"`
	Header []Line `json:"header,omitempty"`
	Body   string `json:"body,omitempty"`
}

// Timing is how long the parts of the exchange took. What did not happen took
// nothing.
type Timing struct {
	DNS     time.Duration `json:"dns_ns"`
	Connect time.Duration `json:"connect_ns"`
	TLS     time.Duration `json:"tls_ns"`
	// FirstByte is the wait for the answer behind the request, Total everything.
	FirstByte time.Duration `json:"first_byte_ns"`
	Total     time.Duration `json:"total_ns"`
}
