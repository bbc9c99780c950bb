package partition

import (
	"encoding/json"

	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// output returns the delivery of an event to the subscription that matched. It
// has no id for the server: the fence and the position make it unique, for
// longer than a duplicate window would.
func output(part int, m index.Match, e *event.Event, seq uint64) (cursor.Output, error) {
	ref := delivery.Reference{
		ID:    delivery.ID(e.Owner, m.Subscription, e.ID, seq),
		Owner: e.Owner, Subscription: m.Subscription, Revision: m.Revision,
		EventSeq: seq, EventID: e.ID, EventType: e.Type, Account: e.Account,
	}
	data, err := json.Marshal(ref)
	if err != nil {
		return cursor.Output{}, fault.New(fault.Internal, "encode delivery", ref.ID, err)
	}
	return cursor.Output{Subject: subject.Delivery(m.Channel, part, e.Owner, m.Subscription), Data: data}, nil
}
