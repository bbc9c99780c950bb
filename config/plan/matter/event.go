package matter

import (
	"maps"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

// EventTypes returns the types of the events that plans fire.
func EventTypes() []string {
	return []string{AfterDelivery.EventType(), Overdue.EventType(), Dormant.EventType()}
}

// EventType returns the type of the events that plans of a kind fire.
func (k Kind) EventType() string {
	switch k {
	case Overdue:
		return "invoice.overdue"
	case Dormant:
		return "sim.dormant"
	}
	return tokens.DeliveryDatePlus
}

// EventID returns the id of the plan's event. It follows from the plan, so
// that ingest drops a second one.
func (p *Plan) EventID() string { return "evt_" + strings.TrimPrefix(p.ID, idPrefix) }

// Event returns the event of a plan: the frozen values, of an invoice status and
// balance as they are now, and what the plan adds.
func (i *Matter) Event(p *Plan) *event.Event {
	data := make(event.Values, len(i.Values)+len(i.Present)+6)
	maps.Copy(data, i.Values)
	maps.Copy(data, i.Present)
	maps.Copy(data, p.data())
	return &event.Event{
		ID: p.EventID(), Type: p.Kind.EventType(), Owner: i.Owner, Account: i.Account, Time: p.FiredAt, Data: data,
	}
}

// data returns the values that the plan adds.
func (p *Plan) data() event.Values {
	switch p.Kind {
	case Overdue:
		return event.Values{DueDate: event.Str(p.For), "Invoice.DaysOverdue": event.Int(p.overdue())}
	case Dormant:
		return event.Values{"AccountService.LastUsageDate": event.Str(p.LastSeen.Format(time.RFC3339))}
	}
	out := event.Values{
		"Schedule.Days": event.Int(int64(p.Days)), "Schedule.Time": event.Str(p.Time), "Schedule.DueAt": event.Str(p.DueAt.Format(time.RFC3339)),
		"Schedule.TimeZone": event.Str(p.Zone), "Schedule.Late": event.Boolean(p.Late),
	}
	if p.Calendar != "" {
		out["Schedule.Calendar"] = event.Str(p.Calendar)
	}
	return out
}

// overdue returns how many days after the due date the event fires, by the
// calendar of the zone: 1 when nothing held it up, 0 when an operator did not
// wait.
func (p *Plan) overdue() int64 {
	zone, err := time.LoadLocation(p.Zone)
	date, wrong := time.Parse(time.DateOnly, p.For)
	if err != nil || wrong != nil { // both served when the plan was made
		return 1
	}
	y, m, d := p.FiredAt.In(zone).Date()
	return max(0, int64(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(date)/(24*time.Hour)))
}
