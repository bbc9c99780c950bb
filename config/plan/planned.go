package plan

import (
	"cmp"
	"time"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/plan/matter"
)

// Planned is a plan as people see it.
type Planned struct {
	ID      string `json:"id"`
	Owner   string `json:"owner"`
	Account string `json:"account,omitempty"`
	// Kind is delivery for an event days after a delivery, overdue or dormant
	// for a derived one; Type is that of the event.
	Kind string `json:"kind"`
	Type string `json:"type"`
	// Invoice or Service is what it is planned for.
	Invoice string `json:"invoice,omitempty"`
	Service string `json:"service,omitempty"`
	// Days, Time and Calendar are its schedule; of a dormancy, Days are those
	// without usage.
	Days     int    `json:"days"`
	Time     string `json:"time,omitempty"`
	Calendar string `json:"calendar,omitempty"`
	// After is the date that a derived event follows: the due date, or the last
	// day with usage.
	After string `json:"after,omitempty"`
	// DueAt is in Zone; zero for a plan that was refused.
	DueAt  time.Time `json:"due_at,omitzero"`
	Zone   string    `json:"zone,omitempty"`
	State  string    `json:"state"`
	Reason string    `json:"reason,omitempty"`
	// Note says what clocks do to the moment.
	Note        string    `json:"note,omitempty"`
	DeliveredAt time.Time `json:"delivered_at,omitzero"`
	FiredAt     time.Time `json:"fired_at,omitzero"`
	Late        bool      `json:"late,omitempty"`
	// Event is the id of the event that it fires.
	Event string `json:"event"`
}

// What returns the name of the invoice or the service.
func (p *Planned) What() string { return cmp.Or(p.Invoice, p.Service) }

func planned(i *matter.Matter, p *matter.Plan) Planned {
	out := Planned{
		ID: p.ID, Owner: i.Owner, Account: i.Account, Kind: p.Kind.String(), Type: p.Kind.EventType(),
		Days: p.Days, Time: p.Time, Calendar: p.Calendar, After: p.For,
		DueAt: p.DueAt, Zone: p.Zone, State: string(p.State), Reason: p.Reason, DeliveredAt: i.DeliveredAt,
		FiredAt: p.FiredAt, Late: p.Late, Event: p.EventID(),
	}
	if i.Usage == nil {
		out.Invoice = i.Name
	} else {
		out.Service = i.Name
	}
	zone, err := time.LoadLocation(p.Zone)
	at, wrong := due.ParseTimeOfDay(p.Time)
	if err == nil && !p.DueAt.IsZero() {
		out.DueAt = p.DueAt.In(zone)
		if wrong == nil {
			out.Note = due.Note(p.DueAt, at, zone)
		}
	}
	return out
}
