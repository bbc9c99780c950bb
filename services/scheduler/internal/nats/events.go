package nats

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/entry"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Events looks into the log of accepted events and publishes to INBOX.
type Events struct{ js jetstream.JetStream }

// NewEvents returns the events. It makes no request.
func NewEvents(js jetstream.JetStream) *Events { return &Events{js: js} }

// Publish stores an event in INBOX, where only Billhook itself may publish.
func (e *Events) Publish(ctx context.Context, ev *event.Event) error {
	return entry.Publish(ctx, e.js, ev)
}

// skew is how far the clocks of this process and of the server may differ.
const skew = time.Hour

// Accepted returns those of the owner's scheduled events that were accepted
// since a moment, by their ids.
func (e *Events) Accepted(ctx context.Context, part int, owner string, since time.Time) (map[string]bool, error) {
	stretch := scan.Stretch{Stream: topology.Events, Filters: of(part, owner, matter.EventTypes()), Since: since.Add(-skew)}
	out := map[string]bool{}
	err := scan.Read(ctx, e.js, stretch, func(m *cursor.Message) error {
		if found, err := event.Decode(m.Data); err == nil { // ingest writes nothing else
			out[found.ID] = true
		}
		return nil
	})
	return out, err
}

// of returns the subjects of an owner's events of some types.
func of(part int, owner string, types []string) []string {
	out := make([]string, len(types))
	for n, t := range types {
		out[n] = subject.Event(part, owner, t)
	}
	return out
}
