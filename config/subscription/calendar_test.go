package subscription_test

import (
	"slices"
	"testing"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
)

// scheduled returns a subscription with a calendar.
func scheduled(c *subscription.Calendar) *subscription.Spec {
	return &subscription.Spec{
		ID: "s", Name: "s", Events: []string{subscription.DeliveryDatePlus}, Channel: delivery.Webhook,
		Webhook:  &subscription.Webhook{Endpoint: "e"},
		Schedule: &subscription.Schedule{Days: 3, Time: "09:00", Calendar: c},
	}
}

func TestACalendarIsRefusedByRuleAndPlace(t *testing.T) {
	all := []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
	for _, c := range []struct {
		calendar      subscription.Calendar
		pointer, rule string
	}{
		{subscription.Calendar{}, "/schedule/calendar", "calendar.empty"},
		{subscription.Calendar{Skip: all}, "/schedule/calendar/skip", "calendar.full"},
		{subscription.Calendar{Skip: []string{"sunday", "someday"}}, "/schedule/calendar/skip/1", "calendar.weekday"},
		{subscription.Calendar{Holidays: []string{"2026-02-30"}}, "/schedule/calendar/holidays/0", "calendar.date"},
		{subscription.Calendar{Holidays: []string{"25.12.2026"}}, "/schedule/calendar/holidays/0", "calendar.date"},
		{subscription.Calendar{Skip: []string{"sunday"}, Move: "nearest"}, "/schedule/calendar/move", "calendar.move"},
	} {
		problems := scheduled(&c.calendar).Check()
		if len(problems) != 1 || problems[0].Pointer != c.pointer || problems[0].Rule != c.rule {
			t.Errorf("%+v: %v, want %s at %s", c.calendar, problems, c.rule, c.pointer)
		}
	}
}

func TestCalendarsThatSayTheSameAreTheSame(t *testing.T) {
	text := func(c subscription.Calendar) string {
		s := scheduled(&c)
		if problems := s.Check(); len(problems) > 0 {
			t.Fatal(problems)
		}
		return s.Schedule.Calendar.Text()
	}
	a := text(subscription.Calendar{Skip: []string{"Sunday", "saturday"}, Holidays: []string{"2027-01-01", "2026-12-25", "2027-01-01"}})
	b := text(subscription.Calendar{Skip: []string{"saturday", "sunday"}, Holidays: []string{"2026-12-25", "2027-01-01"}, Move: "next"})
	if want := "next 06 2026-12-25 2027-01-01"; a != want || b != want {
		t.Errorf("%q and %q, want %q", a, b, want)
	}
	if c := text(subscription.Calendar{Holidays: []string{"2026-12-25"}, Move: "previous"}); c != "previous - 2026-12-25" {
		t.Errorf("without weekdays: %q", c)
	}
}

func TestAScheduledEventBelongsToSubscriptionsWithItsCalendar(t *testing.T) {
	weekends := &subscription.Calendar{Skip: []string{"saturday", "sunday"}}
	var got []bool
	for _, c := range []*subscription.Calendar{nil, weekends, {Skip: []string{"sunday"}}} {
		s := scheduled(c)
		if problems := s.Check(); len(problems) > 0 {
			t.Fatal(problems)
		}
		wish, err := s.Wish()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, wish.Matches(&event.Event{Type: subscription.DeliveryDatePlus, Data: event.Values{
			"Schedule.Days": event.Int(3), "Schedule.Time": event.Str("09:00:00"),
			"Schedule.Calendar": event.Str(subscription.CalendarID(weekends.Text())),
		}}))
	}
	if !slices.Equal(got, []bool{false, true, false}) {
		t.Errorf("matches: %v", got)
	}
}
