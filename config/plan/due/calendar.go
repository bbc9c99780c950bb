package due

import (
	"strings"
	"time"
)

// Calendar says which days are no business days and where what is due on one
// goes, in one line: "next" or "previous", the weekdays that are skipped as
// digits from 0 for Sunday or "-" for none, then the holidays as dates. Empty
// is no calendar. It is text so that rules can be compared.
type Calendar string

// farthest bounds the days that a date moves; no calendar that was checked
// comes near it.
const farthest = 10_000

// move returns the date, the midnight of it in UTC, or the business day that
// takes its place.
func (c Calendar) move(date time.Time) time.Time {
	direction, rest, _ := strings.Cut(string(c), " ")
	weekdays, holidays, _ := strings.Cut(rest, " ")
	step := 1
	if direction == "previous" {
		step = -1
	}
	moved := date
	for range farthest {
		if !strings.ContainsRune(weekdays, '0'+rune(moved.Weekday())) && !strings.Contains(holidays, moved.Format(time.DateOnly)) {
			return moved
		}
		moved = moved.AddDate(0, 0, step)
	}
	return date
}
