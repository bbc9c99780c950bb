package subscription

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

// The limits of a subscription.
const (
	MaxEvents        = 100
	MaxParameters    = 100
	MaxParameterName = 128
	// MaxLiteral is in bytes.
	MaxLiteral = 4 << 10
)

// Check brings s into its stored form, with its defaults, and returns the
// rules it breaks by itself. What it names of other resources, its events and
// its tokens are checked where those are known.
func (s *Spec) Check() fault.Problems {
	if s.Active == nil {
		s.Active = new(true)
	}
	s.Order = cmp.Or(s.Order, Unordered)
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	s.checkEvents(&r)
	s.checkChannel(&r)
	s.checkSchedule(&r)
	if s.Order != Unordered {
		r.Add("/order", "order.unknown", "must be unordered")
	}
	return r.Problems()
}

func (s *Spec) checkEvents(r *field.Report) {
	if len(s.Events) == 0 || len(s.Events) > MaxEvents {
		r.Add("/events", "list.length", "must name from 1 to "+strconv.Itoa(MaxEvents)+" event types")
		return
	}
	for i, e := range s.Events {
		if slices.Index(s.Events, e) < i {
			r.Add(field.At("/events", i), "event.duplicate", "is in the list twice")
		}
	}
}

func (s *Spec) checkChannel(r *field.Report) {
	webhook, email := s.Channel == delivery.Webhook, s.Channel == delivery.Email
	if !webhook && !email {
		r.Add("/channel", "channel.unknown", "must be webhook or email")
		return
	}
	present(r, "/webhook", s.Webhook != nil, webhook)
	present(r, "/email", s.Email != nil, email)
	if webhook && s.Webhook != nil {
		r.Join("/webhook", s.Webhook.check())
	}
	if email && s.Email != nil {
		r.Join("/email", s.Email.check())
	}
}

func present(r *field.Report, pointer string, is, must bool) {
	switch {
	case is && !must:
		r.Add(pointer, "channel.other", "belongs to the other channel")
	case !is && must:
		r.Add(pointer, "field.required", "is needed for this channel")
	}
}

func (w *Webhook) check() fault.Problems {
	var r field.Report
	r.ID("/endpoint", w.Endpoint)
	if len(w.Parameters) > MaxParameters {
		r.Add("/parameters", "list.length", "at most "+strconv.Itoa(MaxParameters)+" parameters")
		return r.Problems()
	}
	seen := map[string]bool{}
	for i := range w.Parameters {
		p := &w.Parameters[i]
		r.Join(field.At("/parameters", i), p.check())
		if seen[p.Name] {
			r.Add(field.At("/parameters", i, "name"), "parameter.duplicate", "another parameter has this name")
		}
		seen[p.Name] = true
	}
	return r.Problems()
}

func (p *Parameter) check() fault.Problems {
	var r field.Report
	if p.Name == "" {
		r.Add("/name", "text.required", "must not be empty")
	}
	r.Line("/name", p.Name, MaxParameterName)
	given := 0
	for _, is := range []bool{p.Token != "", p.Literal != nil, p.Template != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		r.Add("", "parameter.value", "needs exactly one of token, literal and template")
	}
	if p.Literal != nil && (len(*p.Literal) > MaxLiteral || !utf8.ValidString(*p.Literal)) {
		r.Add("/literal", "text.length", "must be valid UTF-8 of at most "+strconv.Itoa(MaxLiteral)+" bytes")
	}
	return r.Problems()
}

func (e *Email) check() fault.Problems {
	var r field.Report
	r.ID("/canned_email", e.CannedEmail)
	types := e.ContactTypes()
	for _, pointer := range slices.Sorted(maps.Keys(types)) {
		r.ID(pointer, types[pointer])
	}
	return r.Problems()
}

// ContactTypes returns every contact type named, by the pointer of each
// mention.
func (e *Email) ContactTypes() map[string]string {
	out := map[string]string{}
	for pointer, list := range map[string][]string{"/to": e.To, "/cc": e.CC, "/bcc": e.BCC} {
		for i, contactType := range list {
			out[field.At(pointer, i)] = contactType
		}
	}
	return out
}

func (s *Spec) checkSchedule(r *field.Report) {
	scheduled := slices.Contains(s.Events, DeliveryDatePlus)
	switch {
	case scheduled && len(s.Events) > 1:
		r.Add("/events", "event.alone", DeliveryDatePlus+" has its own days and time and must be the only event of its subscription")
	case scheduled && s.Schedule == nil:
		r.Add("/schedule", "field.required", DeliveryDatePlus+" needs days and time")
	case !scheduled && s.Schedule != nil:
		r.Add("/schedule", "schedule.other", "only "+DeliveryDatePlus+" has a schedule")
	}
	if s.Schedule != nil {
		r.Join("/schedule", s.Schedule.check())
	}
}

func (s *Schedule) check() fault.Problems {
	var r field.Report
	r.Range("/days", int64(s.Days), 0, MaxDays)
	clock, ok := parseClock(s.Time)
	if !ok {
		r.Add("/time", "time.form", "must be a time of day such as 09:00 or 09:00:00")
		return r.Problems()
	}
	s.Time = clock
	return r.Problems()
}

// parseClock returns a time of day with seconds.
func parseClock(s string) (string, bool) {
	for _, layout := range []string{"15:04", time.TimeOnly} {
		t, err := time.Parse(layout, s)
		// The parser takes one digit for the hour and fractions of a second.
		if err == nil && len(s) == len(layout) {
			return t.Format(time.TimeOnly), true
		}
	}
	return "", false
}
