package outcomes

import (
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
)

// Query says which deliveries are asked about. Owner is needed; what else is
// empty takes all.
type Query struct {
	Owner        string
	Subscription string
	Channel      delivery.Channel
	// Delivery is the id of one delivery.
	Delivery string
	// Target is the id of the endpoint, or of the SMTP settings.
	Target string
	// Event is a type of events or the id of one.
	Event   string
	Account string
	Result  delivery.Result
	Reason  string
	// Among are the ids of the deliveries that are asked about; nil is all.
	Among map[string]bool
	// Since and Until bound when the newest outcome was stored, by the
	// server's clock: from Since up to and with Until. Zero is no bound.
	Since, Until time.Time
}

// filters are the subjects that have what the query asks for.
func (q *Query) filters() []string {
	if q.Subscription == "" {
		return []string{subject.OutcomesOfOwner(q.Channel, q.Owner)}
	}
	return []string{
		subject.OutcomesOf(q.Channel, q.Owner, q.Subscription),
		subject.OrderedOutcomesOf(q.Channel, q.Owner, q.Subscription),
	}
}

// unasked reports by its header alone that a message has outcomes of other
// deliveries only.
func (q *Query) unasked(h nats.Header) bool {
	keys := h[settle.HeaderAttempt]
	if q.Delivery == "" && q.Among == nil || len(keys) == 0 {
		return false
	}
	return !slices.ContainsFunc(keys, func(key string) bool {
		id, _, _ := strings.Cut(key, "/")
		return q.named(id)
	})
}

// named reports whether a delivery of that id is asked about.
func (q *Query) named(id string) bool { return same(q.Delivery, id) && (q.Among == nil || q.Among[id]) }

// Asks reports whether the query would find an outcome that is the newest of its
// delivery.
func (q *Query) Asks(e *Entry) bool { return q.concerns(&e.Outcome) && q.matches(e) }

// concerns reports whether the query asks about the delivery of an outcome;
// that is the same for all its outcomes but for the target.
func (q *Query) concerns(o *delivery.Outcome) bool {
	ref := &o.Delivery
	return q.named(ref.ID) && same(q.Account, ref.Account) &&
		(same(q.Event, ref.EventType) || q.Event == ref.EventID)
}

// matches reports whether an outcome, as the newest of its delivery, is one
// that the query asks for.
func (q *Query) matches(e *Entry) bool {
	return same(q.Target, e.Target) && same(string(q.Result), string(e.Result)) && same(q.Reason, e.Reason) &&
		!e.Stored.Before(q.Since) && (q.Until.IsZero() || !e.Stored.After(q.Until))
}

func same(asked, is string) bool { return asked == "" || asked == is }
