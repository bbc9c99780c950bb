// Package entry publishes to INBOX what Billhook itself has to say: events of
// the scheduler and about the work of the other services. The subject is the
// proof of origin, since no outsider may publish there. It refuses to judge
// them: ingest does that, as with any other event.
package entry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// message is an event as ingest takes it in.
type message struct {
	ID      string       `json:"id"`
	Time    time.Time    `json:"time"`
	Account string       `json:"account,omitempty"`
	Data    event.Values `json:"data"`
}

// Publish returns when the event is stored in INBOX. The error is of kind
// Unavailable where a repeat may succeed. A repeat under the same id is dropped
// by ingest within the window of de-duplication.
func Publish(ctx context.Context, js jetstream.JetStream, e *event.Event) error {
	data, err := json.Marshal(message{ID: e.ID, Time: e.Time, Account: e.Account, Data: e.Data})
	if err != nil {
		return fault.New(fault.Internal, "encode event", e.ID, err)
	}
	if _, err := js.Publish(ctx, subject.Internal(e.Owner, e.Type), data); err != nil {
		return fault.New(fault.Unavailable, "publish event", e.ID, err)
	}
	return nil
}
