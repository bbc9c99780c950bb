package due

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestACalendarMovesToABusinessDay(t *testing.T) {
	const weekends, christmas = "06", " 2026-12-25 2026-12-28"
	for _, c := range []struct {
		rule      string
		calendar  Calendar
		delivered string
		days      int
		want      string
	}{
		{"a business day stays", "next 06", "2026-11-24", 1, "2026-11-25"},
		{"a Saturday becomes Monday", "next 06", "2026-11-26", 2, "2026-11-30"},
		{"a Sunday becomes Monday", "next 06", "2026-11-26", 3, "2026-11-30"},
		{"or the Friday before", "previous 06", "2026-11-26", 3, "2026-11-27"},
		{"a holiday before a weekend, and one behind it", Calendar("next " + weekends + christmas), "2026-12-24", 1, "2026-12-29"},
		{"the same backwards", Calendar("previous " + weekends + christmas), "2026-12-24", 4, "2026-12-24"},
		{"holidays without weekends", Calendar("next -" + christmas), "2026-12-24", 1, "2026-12-26"},
		{"Friday and Saturday", "next 56", "2026-11-25", 2, "2026-11-29"},
		{"back over the delivery", "previous 06", "2026-11-28", 0, "2026-11-27"},
	} {
		got := Rule{Days: c.days, At: 9 * hour, Calendar: c.calendar}.After(moment(t, c.delivered+"T12:00:00Z"), time.UTC)
		if want := moment(t, c.want+"T09:00:00Z"); !got.Equal(want) {
			t.Errorf("%s: due %s, want %s", c.rule, got, want)
		}
	}
}

func TestWhatACalendarMovesLandsOnTheNearestBusinessDay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		holidays := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 12).Draw(r, "holidays")
		start := moment(t, "2026-11-20T00:00:00Z")
		off := map[string]bool{}
		var text strings.Builder
		for _, h := range holidays {
			date := start.AddDate(0, 0, h).Format(time.DateOnly)
			off[date] = true
			text.WriteString(" " + date)
		}
		direction, step := "next", 1
		if rapid.Bool().Draw(r, "back") {
			direction, step = "previous", -1
		}
		business := func(d time.Time) bool {
			return d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && !off[d.Format(time.DateOnly)]
		}
		plain := Rule{Days: rapid.IntRange(0, 20).Draw(r, "days"), At: 9 * hour}
		moved := plain
		moved.Calendar = Calendar(direction + " 06" + text.String())
		want := plain.After(start, time.UTC)
		for !business(want) {
			want = want.AddDate(0, 0, step)
		}
		if got := moved.After(start, time.UTC); !got.Equal(want) {
			r.Fatalf("%s: due %s, want %s", moved.Calendar, got, want)
		}
	})
}
