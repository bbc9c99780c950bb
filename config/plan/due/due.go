// Package due reckons when a scheduled event is due: a number of days after a
// delivery, at a local time of day. It is pure and refuses to know any clock.
//
// The rule: the local calendar date of the delivery, plus whole days, moved to
// a business day where there is a calendar, at a time of day, in a zone. Where
// clocks jump,
//
//   - a local time that a jump forward leaves out moves forward by the jump:
//     02:30 becomes 03:30;
//   - of a local time that a jump back gives twice, the first one counts;
//   - a calendar day that the zone leaves out altogether (Apia had no
//     2011-12-30) counts as the first instant after it.
//
// It never asks package time for the date of a local time, which promises
// nothing in those cases, nor for the bounds of a zone's periods, which are a
// day short at the end of leap years: only for the offset at an instant.
package due

import (
	"cmp"
	"time"
)

const (
	hour = 60 * 60
	day  = 24 * hour
	// reach is farther than any zone was ever from UTC.
	reach = 26 * hour
)

// Rule is when a scheduled event is due after a delivery.
type Rule struct {
	// Days is how many calendar days later; 0 is the day of the delivery.
	Days int
	// At is the local time of day.
	At TimeOfDay
	// Calendar moves the date to a business day; empty moves nothing.
	Calendar Calendar
}

// After returns the moment that is due for a delivery, in the zone and exact
// to the second. It may lie before the delivery when Days is 0 or a calendar
// moves it back.
func (r Rule) After(delivered time.Time, zone *time.Location) time.Time {
	y, m, d := delivered.In(zone).Date()
	date := time.Date(y, m, d+r.Days, 0, 0, 0, 0, time.UTC)
	if r.Calendar != "" {
		date = r.Calendar.move(date)
	}
	return On(date, r.At, zone)
}

// On returns the first instant at which clocks in the zone show a time of day on
// a date, which is a midnight in UTC.
func On(date time.Time, at TimeOfDay, zone *time.Location) time.Time {
	midnight := date.Unix()
	wall := midnight + int64(at)
	if at, ok := first(wall, zone); ok {
		return time.Unix(at, 0).In(zone)
	}
	return time.Unix(behindGap(wall, midnight, zone), 0).In(zone)
}

// first returns the first instant at which clocks in the zone show wall, a
// local time written as if it were UTC.
func first(wall int64, zone *time.Location) (at int64, ok bool) {
	for i := wall - reach; i <= wall+reach; i += hour {
		offset := offsetAt(i, zone)
		if c := wall - offset; offsetAt(c, zone) == offset && (!ok || c < at) {
			at, ok = c, true
		}
	}
	return at, ok
}

// behindGap returns the instant for a local time that the zone leaves out.
func behindGap(wall, midnight int64, zone *time.Location) int64 {
	jump := jumpOver(wall, zone)
	before, after := offsetAt(jump-1, zone), offsetAt(jump, zone)
	if jump+before <= midnight && midnight+day <= jump+after {
		return jump
	}
	return wall - before
}

// jumpOver returns the first instant at which clocks show more than wall. No
// zone changes its offset twice within an hour.
func jumpOver(wall int64, zone *time.Location) int64 {
	passed := func(i int64) bool { return i+offsetAt(i, zone) > wall }
	hi := wall - reach
	for !passed(hi) {
		hi += hour
	}
	lo := hi - hour
	for hi-lo > 1 {
		if mid := lo + (hi-lo)/2; passed(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}

func offsetAt(unix int64, zone *time.Location) int64 {
	_, offset := time.Unix(unix, 0).In(zone).Zone()
	return int64(offset)
}

// Compare orders rules by days, then by time of day, then by calendar.
func (r Rule) Compare(other Rule) int {
	return cmp.Or(cmp.Compare(r.Days, other.Days), cmp.Compare(r.At, other.At), cmp.Compare(r.Calendar, other.Calendar))
}
