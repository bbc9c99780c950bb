package queue

import (
	"cmp"
	"slices"
	"time"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// Check brings s into its stored form, with its defaults, and returns the rules
// it breaks by itself. Its events and its filter are checked where the catalogue
// is known.
func (s *Spec) Check() fault.Problems {
	if s.Active == nil {
		s.Active = new(true)
	}
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	s.checkEvents(&r)
	s.checkOrder(&r)
	s.checkVisibility(&r)
	s.Start = start.Check(&r, "/start", s.Start)
	return r.Problems()
}

// checkEvents refuses an event that is made for subscriptions: its days and time
// are theirs.
func (s *Spec) checkEvents(r *field.Report) {
	r.Events("/events", s.Events)
	if i := slices.Index(s.Events, tokens.DeliveryDatePlus); i >= 0 {
		r.Add(field.At("/events", i), "event.schedule",
			tokens.DeliveryDatePlus+" comes by the schedule of a subscription, which a queue does not have: subscribe to it")
	}
}

func (s *Spec) checkOrder(r *field.Report) {
	s.Order = cmp.Or(s.Order, Unordered)
	if !slices.Contains(Orders(), s.Order) {
		r.Add("/order", "order.unknown", fault.OneOf(Orders()...)+"; a queue has no order by account")
	}
}

func (s *Spec) checkVisibility(r *field.Report) {
	const pointer = "/visibility"
	if s.Visibility == "" {
		s.Visibility = backoff.Format(DefaultVisibility)
		return
	}
	d, err := time.ParseDuration(s.Visibility)
	switch {
	case err != nil:
		r.Add(pointer, "duration.form", "must be a duration such as 30s")
	case d < MinVisibility || d > MaxVisibility:
		r.Add(pointer, "duration.range", "must be from "+backoff.Format(MinVisibility)+" to "+backoff.Format(MaxVisibility))
	default:
		s.Visibility = backoff.Format(d)
	}
}
