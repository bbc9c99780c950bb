package tokens

import (
	"time"

	"github.com/billhook/billhook/shared/event"
)

// Frame is what a delivery adds to its event.
type Frame struct {
	// OwnerName is the name of the tenant, for people.
	OwnerName string
	// Zone is the zone that moments are shown in: the account's, else the
	// owner's. Nil is UTC.
	Zone *time.Location
	// Now is the moment of the first rendering of the delivery.
	Now time.Time
	// Contact holds the Contact tokens by name; email only, else nil.
	Contact event.Values
}

// Values are all token values of one delivery: those of the event, the core
// tokens and the contact. They are immutable.
type Values struct {
	data    event.Values
	core    event.Values
	contact event.Values
	zone    *time.Location
}

// Zone returns the zone that moments are shown in.
func (v Values) Zone() *time.Location {
	if v.zone == nil {
		return time.UTC
	}
	return v.zone
}

// Values returns the values for rendering ev in a frame. The same event and
// frame always give the same values. The event is read, never changed.
func (c *Catalogue) Values(ev *event.Event, f Frame) Values {
	v := Values{data: ev.Data, contact: f.Contact, zone: f.Zone}
	now := f.Now.In(v.Zone())
	name := ev.Type
	if e, ok := c.Event(ev.Type); ok {
		name = e.Name
	}
	v.core = event.Values{
		"Current Time":          event.Str(now.Format(time.TimeOnly)),
		"Current Date":          event.Str(now.Format(time.DateOnly)),
		"Current Date and Time": event.Str(now.Format(time.RFC3339)),
		"Owner Name":            event.Str(f.OwnerName),
		"Event Name":            event.Str(name),
		"Event.Id":              event.Str(ev.ID),
		"Event.Type":            event.Str(ev.Type),
	}
	return v
}

// Value returns the value of one token with its JSON type kept: money is a
// string, an integer a number. It reports false when the catalogue has no such
// token; a token that the event leaves out has the absent value.
func (c *Catalogue) Value(token string, v Values) (event.Value, bool) {
	t, ok := c.Token(token)
	if !ok {
		return event.Value{}, false
	}
	return v.of(t), true
}

// of looks a token up where its group comes from, so that an event's data can
// stand in neither for a core token nor for the contact.
func (v Values) of(t Token) event.Value {
	switch t.Group {
	case Core:
		return v.core[t.Name]
	case Contact:
		return v.contact[t.Name]
	default:
		return v.data[t.Name]
	}
}
