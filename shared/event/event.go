// Package event is the accepted event: what ingest writes to the log and every
// later service reads. It refuses foreign input; parsing and validating what a
// platform sends is the work of ingest.
package event

import (
	"encoding/json"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// MaxBytes is the greatest size of an event's encoded form as published. As
// stored it may be larger by what ingest adds: the owner, and the values of the
// account that the event left out.
const MaxBytes = 256 << 10

// Event is one accepted event. Its values are frozen: nothing changes them
// after acceptance.
type Event struct {
	// ID is unique per owner within the de-duplication window.
	ID string `json:"id"`
	// Type is a dotted name of the catalogue, such as "invoice.posted".
	Type string `json:"type"`
	// Owner is the tenant, taken from the credential.
	Owner string `json:"owner"`
	// Account is the account concerned; empty for events of the owner, such
	// as bill runs.
	Account string `json:"account,omitempty"`
	// Time is when it happened, by the platform's word.
	Time time.Time `json:"time"`
	// Data holds the values by token name, such as "Invoice.Total".
	Data Values `json:"data"`
}

// Decode reads the stored form of an event.
func Decode(b []byte) (*Event, error) {
	if e, ok := decodeCanonical(b); ok {
		return e, nil
	}
	var e Event
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, fault.New(fault.Invalid, "decode event", "", err)
	}
	return &e, nil
}
