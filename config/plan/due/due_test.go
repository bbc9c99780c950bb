package due

import (
	"os"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones must not depend on the machine

	"pgregory.net/rapid"
)

func TestOddZonesAreDueAtTheMomentWorkedOutByHand(t *testing.T) {
	for _, c := range []struct {
		rule, zone, delivered string
		days                  int
		at, want              string
	}{
		{"an ordinary day", "Europe/Paris", "2026-11-20T10:00:00Z", 3, "09:00", "2026-11-23T08:00:00Z"},
		{"the date is the zone's, not UTC's", "Pacific/Auckland", "2026-01-01T12:00:00Z", 1, "09:00", "2026-01-02T20:00:00Z"},
		{"the same day may be past already", "Europe/Paris", "2026-11-20T10:00:00Z", 0, "09:00", "2026-11-20T08:00:00Z"},
		{"seconds count", "Asia/Kathmandu", "2026-11-20T10:00:00Z", 1, "00:00:01", "2026-11-20T18:15:01Z"},
		{"days over a clock change are calendar days", "Europe/Paris", "2026-10-24T10:00:00Z", 1, "12:00", "2026-10-25T11:00:00Z"},
		{"gap of an hour", "Europe/Paris", "2026-03-28T10:00:00Z", 1, "02:30", "2026-03-29T01:30:00Z"},
		{"first second of a gap", "Europe/Paris", "2026-03-28T10:00:00Z", 1, "02:00", "2026-03-29T01:00:00Z"},
		{"last second of a gap", "Europe/Paris", "2026-03-28T10:00:00Z", 1, "02:59:59", "2026-03-29T01:59:59Z"},
		{"first second after a gap", "Europe/Paris", "2026-03-28T10:00:00Z", 1, "03:00", "2026-03-29T01:00:00Z"},
		{"overlap: first instance", "Europe/Paris", "2026-10-24T10:00:00Z", 1, "02:30", "2026-10-25T00:30:00Z"},
		{"just behind an overlap", "Europe/Paris", "2026-10-24T10:00:00Z", 1, "03:00", "2026-10-25T02:00:00Z"},
		{"gap in America", "America/New_York", "2026-03-07T18:00:00Z", 1, "02:15", "2026-03-08T07:15:00Z"},
		{"gap of half an hour", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 1, "02:10", "2026-10-03T15:40:00Z"},
		{"overlap of half an hour", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 1, "01:45", "2026-04-04T14:45:00Z"},
		{"gap at midnight", "America/Havana", "2026-03-07T18:00:00Z", 1, "00:30", "2026-03-08T05:30:00Z"},
		{"overlap at midnight", "America/Havana", "2026-10-31T18:00:00Z", 1, "00:30", "2026-11-01T04:30:00Z"},
		{"gap at midnight, Cairo", "Africa/Cairo", "2026-04-23T10:00:00Z", 1, "00:00", "2026-04-23T22:00:00Z"},
		{"gap over midnight", "America/Scoresbysund", "2024-03-30T12:00:00Z", 0, "23:30", "2024-03-31T00:30:00Z"},
		{"two hours of gap", "Antarctica/Troll", "2026-03-28T10:00:00Z", 1, "01:30", "2026-03-29T01:30:00Z"},
		{"half of that is no gap", "Antarctica/Troll", "2026-03-28T10:00:00Z", 1, "03:00", "2026-03-29T01:00:00Z"},
		{"negative daylight saving", "Europe/Dublin", "2026-03-28T10:00:00Z", 1, "01:30", "2026-03-29T01:30:00Z"},
		{"clocks back for Ramadan", "Africa/Casablanca", "2026-02-14T10:00:00Z", 1, "02:30", "2026-02-15T01:30:00Z"},
		{"skipped day", "Pacific/Apia", "2011-12-29T12:00:00Z", 1, "09:00", "2011-12-30T10:00:00Z"},
		{"skipped day at its midnight", "Pacific/Apia", "2011-12-29T12:00:00Z", 1, "00:00", "2011-12-30T10:00:00Z"},
		{"skipped day at its end", "Pacific/Apia", "2011-12-29T12:00:00Z", 1, "23:59:59", "2011-12-30T10:00:00Z"},
		{"the day behind a skipped one", "Pacific/Apia", "2011-12-29T12:00:00Z", 2, "09:00", "2011-12-30T19:00:00Z"},
		{"days are counted over a skipped one", "Pacific/Apia", "2011-12-29T12:00:00Z", 3, "09:00", "2011-12-31T19:00:00Z"},
		{"skipped day of Tokelau", "Pacific/Fakaofo", "2011-12-29T12:00:00Z", 1, "15:00", "2011-12-30T11:00:00Z"},
		{"skipped day of Kwajalein", "Pacific/Kwajalein", "1993-08-20T18:00:00Z", 1, "15:00", "1993-08-21T12:00:00Z"},
		{"zone that stopped changing", "Asia/Pyongyang", "2018-05-03T12:00:00Z", 1, "23:45", "2018-05-04T15:15:00Z"},
		{"Gaza changes by decree", "Asia/Gaza", "2026-03-27T10:00:00Z", 1, "02:30", "2026-03-28T00:30:00Z"},
		{"Chatham is 45 minutes apart", "Pacific/Chatham", "2026-09-26T00:00:00Z", 1, "02:50", "2026-09-26T14:05:00Z"},
		{"leap day", "UTC", "2024-02-28T12:00:00Z", 1, "12:00", "2024-02-29T12:00:00Z"},
		{"last day of a leap year far ahead", "Europe/Paris", "2044-12-30T12:00:00Z", 1, "12:00", "2044-12-31T11:00:00Z"},
		{"southern summer over the new year", "America/Santiago", "2044-12-30T12:00:00Z", 1, "23:30", "2045-01-01T02:30:00Z"},
		{"ten years", "Europe/Paris", "2026-07-01T12:00:00Z", 3650, "08:00", "2036-06-28T06:00:00Z"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			at, err := ParseTimeOfDay(c.at)
			if err != nil {
				t.Fatal(err)
			}
			zone, delivered, want := location(t, c.zone), moment(t, c.delivered), moment(t, c.want)
			if got := (Rule{Days: c.days, At: at}).After(delivered, zone); !got.Equal(want) {
				t.Errorf("due at %s, want %s", got, want)
			}
			if got := naive(Rule{Days: c.days, At: at}, delivered, zone); !got.Equal(want) {
				t.Errorf("the independent calculation says %s, the table %s", got, want)
			}
		})
	}
}

func TestDueAgreesWithReadingClocksMinuteByMinute(t *testing.T) {
	names := zones(t)
	rapid.Check(t, func(r *rapid.T) {
		zone := location(t, rapid.SampledFrom(names).Draw(r, "zone"))
		delivered := time.Unix(rapid.Int64Range(0, 2_500_000_000).Draw(r, "delivered"), 0)
		rule := Rule{Days: rapid.IntRange(0, 400).Draw(r, "days"), At: TimeOfDay(rapid.IntRange(0, day-1).Draw(r, "at"))}
		if got, want := rule.After(delivered, zone), naive(rule, delivered, zone); !got.Equal(want) {
			r.Fatalf("%s: delivered %s, %+v: due at %s, want %s", zone, delivered.UTC(), rule, got, want)
		}
	})
}

// Transitions are where it can go wrong: every one of every zone between 2024
// and 2028, at each quarter of an hour of the days around it.
func TestDueAgreesAtEveryQuarterHourAroundEveryClockChange(t *testing.T) {
	names := zones(t)
	if testing.Short() { // under the race detector it takes minutes, and nothing is concurrent
		names = names[:20]
	}
	for _, name := range names {
		zone := location(t, name)
		for _, change := range changes(zone) {
			delivered := change.Add(-24 * time.Hour)
			clock := read(zone, delivered)
			for at := 0; at < day; at += hour / 4 {
				for days := range 3 {
					rule := Rule{Days: days, At: TimeOfDay(at)}
					if got, want := rule.After(delivered, zone), clock.when(rule, delivered); !got.Equal(want) {
						t.Fatalf("%s: delivered %s, %+v: due at %s, want %s", name, delivered, rule, got, want)
					}
				}
			}
		}
	}
}

// clock is what a zone's clocks show, minute by minute.
type clock struct {
	zone  *time.Location
	start time.Time
	shown []time.Time // local times written as if they were UTC
}

// read reads the clocks from two days before a moment to five days after.
func read(zone *time.Location, around time.Time) clock {
	c := clock{zone: zone, start: around.Truncate(time.Minute).Add(-48 * time.Hour)}
	for i := range 7 * 24 * 60 {
		c.shown = append(c.shown, c.at(c.start.Add(time.Duration(i)*time.Minute)))
	}
	return c
}

// at reads the clocks at an instant.
func (c clock) at(i time.Time) time.Time {
	l := i.In(c.zone)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
}

// when works out the rule by looking for the first reading that is, or is
// past, what is wanted; then second by second.
func (c clock) when(rule Rule, delivered time.Time) time.Time {
	l := delivered.In(c.zone)
	midnight := time.Date(l.Year(), l.Month(), l.Day()+rule.Days, 0, 0, 0, 0, time.UTC)
	want := midnight.Add(time.Duration(rule.At) * time.Second)
	past := 0
	for past < len(c.shown) && c.shown[past].Before(want) {
		past++
	}
	i := c.start.Add(time.Duration(past)*time.Minute - time.Minute)
	for c.at(i).Before(want) {
		i = i.Add(time.Second)
	}
	if c.at(i).Equal(want) {
		return i
	}
	last := c.at(i.Add(-time.Second)).Add(time.Second)
	if !last.After(midnight) && !c.at(i).Before(midnight.Add(24*time.Hour)) {
		return i
	}
	return i.Add(want.Sub(last))
}

// naive is [clock.when] for one rule, with the clocks read around its date.
func naive(rule Rule, delivered time.Time, zone *time.Location) time.Time {
	return read(zone, delivered.AddDate(0, 0, rule.Days)).when(rule, delivered)
}

// changes returns the instants between 2024 and 2028, within the quarter of an
// hour, at which the zone changes its offset.
func changes(zone *time.Location) []time.Time {
	var out []time.Time
	offset := func(i time.Time) int { _, o := i.In(zone).Zone(); return o }
	const stride = 12 * time.Hour
	end := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC); i.Before(end); i = i.Add(stride) {
		if offset(i) == offset(i.Add(stride)) {
			continue
		}
		j := i
		for offset(j) == offset(i) {
			j = j.Add(15 * time.Minute)
		}
		out = append(out, j)
	}
	return out
}

// zones returns the names of all zones.
func zones(t *testing.T) []string {
	t.Helper()
	b, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(b))
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
