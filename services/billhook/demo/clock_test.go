package demo_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/billhook/demo"
)

// due computes, from what the demo configures and publishes alone, when the
// scheduled event is due: the subscription's days after the invoice's delivery,
// at its time of day, in the account's zone.
func due(t rapid.TB, s demo.Scenario) time.Time {
	t.Helper()
	_, rest, _ := strings.Cut(s.Seed, `schedule: {days: 1, time: "`)
	clock, _, _ := strings.Cut(rest, `"`)
	_, rest, _ = strings.Cut(s.Seed, "id: A-1001")
	_, rest, _ = strings.Cut(rest, "time_zone: ")
	name, _, _ := strings.Cut(rest, "\n")
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Events {
		if e.Type != "invoice.delivery" {
			continue
		}
		text := e.Data["Invoice.DeliveryDate"].Text()
		delivered, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.ParseInLocation("2006-01-02 15:04:05", delivered.In(zone).AddDate(0, 0, 1).Format(time.DateOnly)+" "+clock, zone)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	t.Fatal("the demo delivers no invoice")
	return time.Time{}
}

func dueAfterLead(t rapid.TB, now time.Time, lead time.Duration) {
	t.Helper()
	s, err := demo.New(now, lead)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := due(t, s), now.Add(lead).Truncate(time.Second); !got.Equal(want) {
		t.Errorf("at %s the event is due at %s, want %s", now.Format(time.RFC3339Nano), got.UTC(), want.UTC())
	}
}

func TestTheScheduledEventIsDueAfterTheLeadAtAnyTime(t *testing.T) {
	first, last := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(first, last).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		dueAfterLead(t, now, time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "lead")))
	})
}

// Around midnight of the account's day and of UTC, at ends of months and years,
// on leap days, and on days on which clocks change elsewhere.
func TestTheScheduledEventIsDueAfterTheLeadOnOddDays(t *testing.T) {
	for _, zone := range []string{"Asia/Kolkata", "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, day := range []string{"2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-05", "2026-12-31", "2027-01-01", "2028-02-29", "2028-03-01"} {
			midnight, err := time.ParseInLocation(time.DateOnly, day, loc)
			if err != nil {
				t.Fatal(err)
			}
			for _, offset := range []time.Duration{-4 * time.Second, -3999 * time.Millisecond, -time.Second, -1, 0, 1, 2 * time.Hour, 3 * time.Hour, 12 * time.Hour} {
				dueAfterLead(t, midnight.Add(offset), 4*time.Second)
			}
		}
	}
}
