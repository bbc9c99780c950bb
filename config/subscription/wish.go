package subscription

import (
	"fmt"
	"strconv"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
)

// Tokens of a scheduled event that say whose it is.
const (
	tokenDays     = "Schedule.Days"
	tokenTime     = "Schedule.Time"
	tokenCalendar = "Schedule.Calendar"
)

// Wish says which events of its types a spec wants, compiled. It is immutable
// and may be used by many goroutines.
type Wish struct {
	filter *filter.Filter
	// days, time and calendar are those of a scheduled event, as its tokens
	// have them; days are empty without a schedule.
	days, time, calendar string
}

// Wish compiles what s wants. The error says what is wrong with its filter.
func (s *Spec) Wish() (*Wish, error) {
	f, err := filter.Compile(s.Filter)
	if err != nil {
		return nil, fmt.Errorf("compile subscription %s: %w", s.ID, err)
	}
	w := &Wish{filter: f}
	if s.Schedule != nil {
		w.days, w.time = strconv.Itoa(s.Schedule.Days), withSeconds(s.Schedule.Time)
		w.calendar = CalendarID(s.Schedule.Calendar.Text())
	}
	return w, nil
}

// Matches reports whether an event of one of the spec's types is wanted. A
// scheduled event belongs to the subscriptions with its own days, time and
// calendar, and to no others.
func (w *Wish) Matches(e *event.Event) bool {
	return (e.Type != DeliveryDatePlus || w.scheduled(e)) && w.filter.Match(e.Data)
}

// scheduled reports whether a scheduled event is of the spec's own schedule.
func (w *Wish) scheduled(e *event.Event) bool {
	return w.days != "" && w.days == e.Data.Text(tokenDays) && w.time == withSeconds(e.Data.Text(tokenTime)) &&
		w.calendar == e.Data.Text(tokenCalendar)
}

// withSeconds writes a time of day as it is stored: "09:00" as "09:00:00".
func withSeconds(timeOfDay string) string {
	if len(timeOfDay) == len("15:04") {
		return timeOfDay + ":00"
	}
	return timeOfDay
}
