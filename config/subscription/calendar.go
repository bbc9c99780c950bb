package subscription

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// MaxHolidays is the greatest number of holidays of a [Calendar].
const MaxHolidays = 1000

// Where a [Calendar] moves a day that is no business day.
const (
	Next     = "next"
	Previous = "previous"
)

// Calendar says which days are no business days. What would be due on one is
// due on the nearest business day after or before it instead.
type Calendar struct {
	// Skip are weekdays, such as saturday.
	Skip []string `json:"skip,omitempty"`
	// Holidays are dates, such as 2026-12-25.
	Holidays []string `json:"holidays,omitempty"`
	// Move is [Next] when not given.
	Move string `json:"move,omitempty"`
}

var weekdays = map[string]time.Weekday{
	"sunday": time.Sunday, "monday": time.Monday, "tuesday": time.Tuesday, "wednesday": time.Wednesday,
	"thursday": time.Thursday, "friday": time.Friday, "saturday": time.Saturday,
}

// check brings c into its stored form: lists in order, each entry once, so that
// calendars that say the same are the same.
func (c *Calendar) check() fault.Problems {
	var r field.Report
	if c.Move = cmp.Or(c.Move, Next); c.Move != Next && c.Move != Previous {
		r.Add("/move", "calendar.move", fault.OneOf(Next, Previous))
	}
	for i, name := range c.Skip {
		if c.Skip[i] = strings.ToLower(name); !isWeekday(c.Skip[i]) {
			r.Add(field.At("/skip", i), "calendar.weekday", "must be a weekday such as saturday")
		}
	}
	for i, date := range c.Holidays {
		if _, err := time.Parse(time.DateOnly, date); err != nil {
			r.Add(field.At("/holidays", i), "calendar.date", "must be a date such as 2026-12-25")
		}
	}
	slices.SortFunc(c.Skip, func(a, b string) int { return cmp.Compare(weekdays[a], weekdays[b]) })
	c.Skip = slices.Compact(c.Skip)
	slices.Sort(c.Holidays)
	c.Holidays = slices.Compact(c.Holidays)
	switch {
	case len(c.Skip)+len(c.Holidays) == 0:
		r.Add("", "calendar.empty", "needs weekdays to skip or holidays")
	case len(c.Skip) == len(weekdays):
		r.Add("/skip", "calendar.full", "leaves no day of the week")
	case len(c.Holidays) > MaxHolidays:
		r.Add("/holidays", "list.length", "at most "+strconv.Itoa(MaxHolidays)+" holidays")
	}
	return r.Problems()
}

func isWeekday(name string) bool {
	_, ok := weekdays[name]
	return ok
}

// Text returns a calendar as one line: where it moves to, the weekdays as
// digits from 0 for Sunday or "-" for none, and the holidays. Calendars that
// say the same have the same text; nil has none.
func (c *Calendar) Text() string {
	if c == nil {
		return ""
	}
	var days strings.Builder
	for _, name := range c.Skip {
		days.WriteString(strconv.Itoa(int(weekdays[name])))
	}
	return strings.Join(append([]string{c.Move, cmp.Or(days.String(), "-")}, c.Holidays...), " ")
}

// CalendarID returns the id of a calendar by its text, empty for none: the
// value of the token Schedule.Calendar.
func CalendarID(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return "cal_" + hex.EncodeToString(sum[:8])
}
