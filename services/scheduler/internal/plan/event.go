package plan

import (
	"maps"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// EventType is the type of the events that plans fire.
const EventType = tokens.DeliveryDatePlus

// EventID returns the id of the plan's event. It follows from the plan, so
// that ingest drops a second one.
func (p *Plan) EventID() string { return "evt_" + strings.TrimPrefix(p.ID, idPrefix) }

// Event returns the plan's event: the values as of the delivery, the zone's
// reading of the due moment, and whether it is late.
func (p *Plan) Event() *event.Event {
	data := make(event.Values, len(p.Values)+5)
	maps.Copy(data, p.Values)
	data["Schedule.Days"] = event.Int(int64(p.Days))
	data["Schedule.Time"] = event.Str(p.Time)
	data["Schedule.DueAt"] = event.Str(p.DueAt.Format(time.RFC3339))
	data["Schedule.TimeZone"] = event.Str(p.Zone)
	data["Schedule.Late"] = event.Boolean(p.Late)
	return &event.Event{
		ID: p.EventID(), Type: EventType, Owner: p.Owner, Account: p.Account, Time: p.FiredAt, Data: data,
	}
}
