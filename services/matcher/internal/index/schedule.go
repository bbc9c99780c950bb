package index

import (
	"strconv"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
)

// Tokens of a scheduled event that say whose it is.
const (
	tokenDays = "Schedule.Days"
	tokenTime = "Schedule.Time"
)

// schedule is the days and time of a subscription's scheduled events, as their
// tokens have them; zero for a subscription without.
type schedule struct{ days, time string }

func newSchedule(s *subscription.Spec) schedule {
	if s.Schedule == nil {
		return schedule{}
	}
	return schedule{days: strconv.Itoa(s.Schedule.Days), time: withSeconds(s.Schedule.Time)}
}

// allows reports whether the subscription may have the event on account of its
// schedule: a scheduled event belongs to the subscriptions with its own days
// and time, and to no others.
func (s schedule) allows(e *event.Event) bool {
	if e.Type != subscription.DeliveryDatePlus {
		return true
	}
	return s != schedule{} && s.days == e.Data.Text(tokenDays) && s.time == withSeconds(e.Data.Text(tokenTime))
}

// withSeconds writes a time of day as it is stored: "09:00" as "09:00:00".
func withSeconds(timeOfDay string) string {
	if len(timeOfDay) == len("15:04") {
		return timeOfDay + ":00"
	}
	return timeOfDay
}
