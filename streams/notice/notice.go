// Package notice tells an owner about the work done for it: an endpoint that is
// disabled, a delivery that is given up. Each notice becomes an operational
// event, published to INBOX like any other, so that it can be subscribed to by
// webhook and by email. Raising one costs its caller nothing and cannot fail:
//
//	Raise ─▶ book: one for each kind, owner and thing ─▶ INBOX ─▶ ingest …
//	           └─ within a window: counted, told in the next one
//
// Nothing is told about notices themselves: what follows from a failed delivery
// of an operational event raises nothing. Every chain of notices therefore
// begins with an event that is none, and ends with it.
package notice

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/id"
)

// Notice is something that an owner should hear of.
type Notice struct {
	Kind  Kind
	Owner string
	// Thing is the id of what it is about, as the kind says; empty for
	// [EventRejected].
	Thing string
	// Reason is a stable class such as "timeout", which subscriptions may
	// filter by. It holds nothing secret; at most [MaxText] bytes of it are
	// told.
	Reason string
	// Count is how many deliveries, attempts or events are concerned; 0 is 1.
	Count int
	// Happening names what happened, where that can be told apart from what
	// happens to the same thing another time: the number of a state, the id of
	// an attempt. Notices of the same happening are one event, whoever raises
	// them and when. Where it is empty those of the same window are.
	Happening string
	// Cause is the type of the event whose delivery or refusal led here, where
	// it was one. An operational one raises nothing.
	Cause string
}

// MaxText is how much of a reason or a name is told, in bytes.
const MaxText = 500

// Parked is the notice of a delivery that was given up.
func Parked(o *delivery.Outcome) Notice { return of(DeliveryParked, o) }

// Paused is the notice of an in-order subscription that stopped with a
// delivery.
func Paused(o *delivery.Outcome) Notice {
	n := of(SubscriptionPaused, o)
	n.Happening = o.AttemptID
	return n
}

// of is a notice about the subscription of an outcome. A delivery that could
// not be read may have been that of a notice.
func of(k Kind, o *delivery.Outcome) Notice {
	return Notice{
		Kind: k, Owner: o.Delivery.Owner, Thing: o.Delivery.Subscription, Reason: o.Reason,
		Cause: cmp.Or(o.Delivery.EventType, string(k)),
	}
}

// tokens of the group Operation.
const (
	tokenKind   = "Operation.Kind"
	tokenID     = "Operation.Id"
	tokenName   = "Operation.Name"
	tokenReason = "Operation.Reason"
	tokenCount  = "Operation.Count"
)

// told is a notice that is published.
type told struct {
	Notice
	name   string
	at     time.Time
	window int64
}

// event is the operational event of a notice.
func (t *told) event() *event.Event {
	data := event.Values{
		tokenKind:   event.Str(string(t.Kind)),
		tokenReason: event.Str(brief(t.Reason)),
		tokenCount:  event.Int(int64(t.Count)),
	}
	if t.Thing != "" {
		data[tokenID] = event.Str(t.Thing)
		data[tokenName] = event.Str(brief(cmp.Or(t.name, t.Thing)))
	}
	return &event.Event{ID: t.id(), Type: string(t.Kind), Owner: t.Owner, Time: t.at.UTC(), Data: data}
}

// id follows from what the notice is about, so that ingest drops a repeat of
// it, whoever publishes it.
func (t *told) id() string {
	when := t.Happening
	if when == "" {
		when = fmt.Sprint("window ", t.window)
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(t.Kind), t.Owner, t.Thing, when}, "\n")))
	return "evt_" + id.Of(sum[:16])
}

// brief bounds what a receiver or a person may have us tell.
func brief(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > MaxText {
		s = strings.ToValidUTF8(s[:MaxText], "") + "…"
	}
	return s
}
