package tokens

import (
	"strings"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens/internal/format"
	"github.com/billhook/billhook/tokens/internal/syntax"
)

func (k *compiler) date(c *syntax.Call) (getter, Type) {
	get, t := k.operand(c.Args[0])
	if get != nil && t != Date && t != Time && t != DateTime {
		k.refuse(c.Args[0].Position(), "helper.type", "date takes a token of type date, time or datetime"+having(t))
	}
	layout := k.layout(c, t)
	zone := k.zone(c)
	if get == nil || zone == nil {
		return nil, ""
	}
	return func(v Values) event.Value {
		switch value := get(v); {
		case value.Text() == "":
			return value
		case t == Time:
			return event.Str(format.TimeOfDay(value.Text()))
		case t == Date:
			return event.Str(format.Date(value.Text(), layout, zone(v)))
		default:
			return event.Str(format.Moment(value.Text(), layout, zone(v)))
		}
	}, String
}

// layout returns the named layout of a call, which must suit the type.
func (k *compiler) layout(c *syntax.Call, t Type) string {
	layout, pos := "medium", c.Pos
	if t == Time {
		layout = "time"
	}
	if len(c.Args) == 2 {
		l, ok := c.Args[1].(*syntax.Literal)
		pos = c.Args[1].Position()
		if !ok || !format.Layout(l.Text) {
			k.refuse(pos, "helper.layout", "the layout must be one of "+strings.Join(format.Layouts(), ", ")+", in quotes")
			return layout
		}
		layout = l.Text
	}
	switch {
	case t == Time && layout != "time":
		k.refuse(pos, "helper.layout", "a time of day has only the layout time")
	case t == Date && layout == "time":
		k.refuse(pos, "helper.layout", "a date has no time of day")
	}
	return layout
}

// zone returns the zone of a call: the option, else that of the values. Nil
// means that the option was refused.
func (k *compiler) zone(c *syntax.Call) func(Values) *time.Location {
	o := option(c, "zone")
	if o == nil {
		return Values.Zone
	}
	zones := &k.catalogue.zones
	if l, ok := o.Value.(*syntax.Literal); ok {
		zone, known := zones.Find(l.Text)
		if !known {
			k.refuse(l.Pos, "helper.zone", quote(l.Text)+" is no IANA time zone such as Europe/Paris")
		}
		return func(Values) *time.Location { return zone }
	}
	get, t := k.operand(o.Value)
	if get == nil {
		return nil
	}
	if t != TimeZone {
		k.refuse(o.Value.Position(), "helper.type", "zone takes a token of type timezone, or a name in quotes"+having(t))
	}
	return func(v Values) *time.Location {
		if zone, known := zones.Find(get(v).Text()); known {
			return zone
		}
		return v.Zone()
	}
}
