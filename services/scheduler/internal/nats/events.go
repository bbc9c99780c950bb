package nats

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/scheduler/internal/intake"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Events reads the log of accepted events and publishes to INBOX.
type Events struct{ js jetstream.JetStream }

// NewEvents returns the events. It makes no request.
func NewEvents(js jetstream.JetStream) *Events { return &Events{js: js} }

// message is an event as ingest takes it in.
type message struct {
	ID      string       `json:"id"`
	Time    time.Time    `json:"time"`
	Account string       `json:"account,omitempty"`
	Data    event.Values `json:"data"`
}

// Publish stores an event in INBOX, where only Billhook itself may publish.
func (e *Events) Publish(ctx context.Context, ev *event.Event) error {
	data, err := json.Marshal(message{ID: ev.ID, Time: ev.Time, Account: ev.Account, Data: ev.Data})
	if err != nil {
		return fault.New(fault.Internal, "encode event", ev.ID, err)
	}
	if _, err := e.js.Publish(ctx, subject.Internal(ev.Owner, ev.Type), data); err != nil {
		return fault.New(fault.Unavailable, "publish event", ev.ID, err)
	}
	return nil
}

// skew is how far the clocks of this process and of the server may differ.
const skew = time.Hour

// errFound ends a search.
var errFound = errors.New("found")

// Accepted reports whether a plan's event is in the log.
func (e *Events) Accepted(ctx context.Context, p *plan.Plan) (bool, error) {
	stretch := scan.Stretch{
		Stream: topology.Events, Filters: []string{subject.Event(p.Part, p.Owner, plan.EventType)}, Since: p.FiredAt.Add(-skew),
	}
	id := p.EventID()
	err := scan.Read(ctx, e.js, stretch, func(m *cursor.Message) error {
		found, err := event.Decode(m.Data)
		if err == nil && found.ID == id {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// Of visits the events of a choice in order.
func (e *Events) Of(ctx context.Context, c intake.Choice, visit func(*cursor.Message) error) error {
	if c.Until == 0 {
		return nil
	}
	stretch := scan.Stretch{Stream: topology.Events, Until: c.Until}
	for _, t := range c.Types {
		stretch.Filters = append(stretch.Filters, subject.EventsOfOwner(c.Owner, t))
	}
	return scan.Read(ctx, e.js, stretch, visit)
}
