package due

import (
	"fmt"
	"time"
)

// TimeOfDay is a local time of day in seconds after midnight, as clocks show
// it.
type TimeOfDay int

// ParseTimeOfDay reads "HH:MM" or "HH:MM:SS", 00:00 to 23:59:59.
func ParseTimeOfDay(s string) (TimeOfDay, error) {
	layout := time.TimeOnly
	if len(s) == len("15:04") {
		layout = "15:04"
	}
	t, err := time.Parse(layout, s)
	if err != nil || len(s) != len(layout) {
		return 0, fmt.Errorf("parse time of day %q: not of the form HH:MM or HH:MM:SS", s)
	}
	return TimeOfDay(t.Hour()*hour + t.Minute()*60 + t.Second()), nil
}

// String returns "HH:MM:SS".
func (t TimeOfDay) String() string {
	return fmt.Sprintf("%02d:%02d:%02d", int(t)/hour, int(t)/60%60, int(t)%60)
}
