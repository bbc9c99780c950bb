package delivery

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/billhook/billhook/shared/id"
)

// Result says how an attempt ended. Its text is a subject token.
type Result string

// The results.
//
//	delivered  the receiver took it; final
//	retrying   it failed and another attempt is planned
//	parked     it failed for good, or ran out of attempts; kept in PARKED
//	skipped    nothing was sent, on purpose, and the reason says why; final
//	sending    no result yet: a note that the attempt begins, under the same
//	           attempt id; left alone only by a crash. Email only, where a
//	           repeat cannot be told from the first.
const (
	Delivered Result = "delivered"
	Retrying  Result = "retrying"
	Parked    Result = "parked"
	Skipped   Result = "skipped"
	Sending   Result = "sending"
)

// Results lists every [Result].
func Results() []Result { return []Result{Delivered, Retrying, Parked, Skipped, Sending} }

// Final reports whether no further attempt follows a result.
func (r Result) Final() bool { return r != Retrying && r != Sending }

// AttemptID draws the id of an attempt out of random bytes: "att_" and 26
// characters.
func AttemptID(random io.Reader) string { return "att_" + id.Draw(random) }

// Outcome is the record of one attempt, written to OUTCOMES.
type Outcome struct {
	// Attempt counts from 1; AttemptID is random and unique per attempt.
	AttemptID string `json:"attempt_id"`
	Attempt   int    `json:"attempt"`
	// Delivery is the reference the attempt was made for.
	Delivery Reference `json:"delivery"`
	Channel  Channel   `json:"channel"`
	Result   Result    `json:"result"`
	// Resent is true where somebody had asked for the delivery again.
	Resent bool `json:"resent,omitempty"`
	// Target is the endpoint id (webhook) or SMTP settings id (email).
	Target string `json:"target,omitempty"`
	// At is when the attempt started; Duration is how long it took.
	At       time.Time     `json:"at"`
	Duration time.Duration `json:"duration_ns"`
	// Status is the HTTP status or SMTP code; 0 when none was received.
	Status int `json:"status,omitempty"`
	// Reason is a stable class such as "timeout" or "address_not_allowed";
	// Detail is for people and holds no secret.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Response is the first part of what the receiver answered.
	Response string `json:"response,omitempty"`
	// NextAt is when the next attempt is due; zero when final.
	NextAt time.Time `json:"next_at,omitzero"`
	// Letter is the one that was sent, nil where none was; Recipients are the
	// results for those it was sent to. Email only: a delivery may have several
	// letters, and each attempt sends one.
	Letter     *Letter     `json:"letter,omitempty"`
	Recipients []Recipient `json:"recipients,omitempty"`
}

// Letter is one of the letters of an email delivery.
type Letter struct {
	// Number counts the letters from 1, Of is how many there are.
	Number int `json:"number"`
	Of     int `json:"of"`
	// MessageID is without the angle brackets.
	MessageID string `json:"message_id"`
	// Email and Revision are the canned email that was used.
	Email    string `json:"email"`
	Revision int    `json:"revision"`
}

// ReadOutcomes returns the outcomes that a message of OUTCOMES holds: one JSON
// object for each, a line each. An empty message is a note and holds none.
func ReadOutcomes(data []byte) ([]Outcome, error) {
	var out []Outcome
	for line := range bytes.Lines(data) {
		var o Outcome
		if err := json.Unmarshal(line, &o); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// Recipient is the result of an attempt for one mail address.
type Recipient struct {
	Address string `json:"address"`
	Result  Result `json:"result"`
	Status  int    `json:"status,omitempty"`
	Detail  string `json:"detail,omitempty"`
}
