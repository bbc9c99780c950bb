// Package delivery names what is sent to whom and what became of it: the
// reference a matcher writes, and the outcome a sender records. It refuses the
// sending itself.
package delivery

import (
	"crypto/sha256"
	"strconv"

	"github.com/billhook/billhook/shared/id"
)

// Channel is the way a delivery leaves.
type Channel string

// The channels. Their text is a subject token.
const (
	Webhook Channel = "webhook"
	Email   Channel = "email"
)

// Channels lists every [Channel].
func Channels() []Channel { return []Channel{Webhook, Email} }

// Reference is what the matcher writes to DELIVERIES: which event goes to
// which subscription. It holds no payload; senders read the event by sequence.
type Reference struct {
	// ID is the deterministic id of the delivery, see [ID]. For webhooks it
	// is the webhook-id.
	ID string `json:"id"`
	// Owner is the tenant.
	Owner string `json:"owner"`
	// Subscription is the id of the matching subscription.
	Subscription string `json:"subscription"`
	// Revision is the version of the subscription that matched.
	Revision int `json:"revision"`
	// EventSeq is the event's sequence in EVENTS.
	EventSeq uint64 `json:"event_seq"`
	// EventID, EventType and Account repeat the event for logs and filters.
	EventID   string `json:"event_id"`
	EventType string `json:"event_type"`
	Account   string `json:"account,omitempty"`
}

// ID returns the deterministic id of the delivery of one event to one
// subscription: "dlv_" and 26 characters. The same match after a crash gives
// the same id, so a receiver can tell a repeat.
func ID(owner, subscription, eventID string, eventSeq uint64) string {
	h := sha256.New()
	for _, part := range []string{owner, subscription, eventID, strconv.FormatUint(eventSeq, 10)} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	sum := h.Sum(nil)
	return "dlv_" + id.Of(sum[:16])
}
