package tokens

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/event"
)

// Example returns an event of the type with every value that it may carry, as
// in the column example, for previews, demonstrations and documents; nil for an
// unknown type. Owner is "example"; whoever shows it to an owner sets another.
func (c *Catalogue) Example(eventType string) *event.Event {
	e, ok := c.Event(eventType)
	if !ok {
		return nil
	}
	ev := &event.Event{
		ID: "evt_example", Type: e.Type, Owner: "example",
		Time: time.Date(2026, time.November, 23, 14, 5, 0, 0, time.UTC),
		Data: event.Values{},
	}
	for _, t := range c.Carried(eventType) {
		ev.Data[t.Name] = t.Type.value(t.Example)
	}
	if slices.Contains(e.Groups, "Account") {
		ev.Account = ev.Data.Text("Account.Id")
	}
	return ev
}

// ExampleContact returns the Contact tokens with their examples.
func (c *Catalogue) ExampleContact() event.Values {
	out := event.Values{}
	for _, t := range c.tokens {
		if t.Group == Contact {
			out[t.Name] = t.Type.value(t.Example)
		}
	}
	return out
}
