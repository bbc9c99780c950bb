package subscription

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
)

// The limits of a subscription.
const (
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
	r.Events("/events", s.Events)
	s.checkChannel(&r)
	s.checkSchedule(&r)
	s.checkOrder(&r)
	s.Start = start.Check(&r, "/start", s.Start)
	return r.Problems()
}

func (s *Spec) checkOrder(r *field.Report) {
	switch {
	case !slices.Contains(Orders(), s.Order):
		r.Add("/order", "order.unknown", fault.OneOf(Orders()...))
	case s.Order == Unordered && s.Head != "":
		r.Add("/head", "head.unordered", "belongs to an ordered subscription")
	}
	if !s.Order.InOrder() {
		return
	}
	s.Head = cmp.Or(s.Head, Block)
	if !slices.Contains(Heads(), s.Head) {
		r.Add("/head", "head.unknown", fault.OneOf(Heads()...))
	}
}

func (s *Spec) checkChannel(r *field.Report) {
	webhook, email := s.Channel == delivery.Webhook, s.Channel == delivery.Email
	if !webhook && !email {
		r.Add("/channel", "channel.unknown", fault.OneOf(delivery.Channels()...))
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
	if w.Format = cmp.Or(w.Format, Plain); !slices.Contains(Formats(), w.Format) {
		r.Add("/format", "format.unknown", fault.OneOf(Formats()...))
	}
	if len(w.Parameters) > MaxParameters {
		r.Add("/parameters", "list.length", "at most "+strconv.Itoa(MaxParameters)+" parameters")
		return r.Problems()
	}
	seen := map[string]bool{}
	for i := range w.Parameters {
		p := &w.Parameters[i]
		r.Join(field.At("/parameters", i), p.check())
		if seen[p.slot()] {
			r.Add(field.At("/parameters", i, "name"), "parameter.duplicate", "another parameter in the "+string(p.In)+" has this name")
		}
		seen[p.slot()] = true
	}
	return r.Problems()
}

// slot is what only one parameter may have: a name in its place, whatever the
// case in a header.
func (p *Parameter) slot() string {
	if p.In == InHeader {
		return string(p.In) + " " + strings.ToLower(p.Name)
	}
	return string(p.In) + " " + p.Name
}

func (p *Parameter) check() fault.Problems {
	var r field.Report
	p.In = cmp.Or(p.In, InBody)
	switch p.In {
	case InHeader:
		r.Join("/name", guard.CheckHeader(p.Name))
	case InBody, InQuery:
		if p.Name == "" {
			r.Add("/name", "text.required", "must not be empty")
		}
		r.Line("/name", p.Name, MaxParameterName)
	default:
		r.Add("/in", "parameter.place", fault.OneOf(Places()...))
	}
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
	if p.Literal != nil && p.In == InHeader {
		r.Line("/literal", *p.Literal, MaxLiteral)
	}
	return r.Problems()
}

func (e *Email) check() fault.Problems {
	var r field.Report
	r.ID("/canned_email", e.CannedEmail)
	if !slices.Contains([]string{"", FallbackNone, FallbackBilling}, e.Fallback) {
		if err := address.Check(e.Fallback); err != nil {
			r.Add("/fallback", "fallback.form", "must be none, billing or an address: "+err.Error())
		}
	}
	e.Document = cmp.Or(e.Document, DocumentIfThere)
	if !slices.Contains(Documents(), e.Document) {
		r.Add("/document", "document.unknown", fault.OneOf(Documents()...))
	}
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
	r.Range("/days", int64(s.Days), 0, owner.MostX)
	if s.Calendar != nil {
		r.Join("/calendar", s.Calendar.check())
	}
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
