package due

import "time"

// repeats is how far clocks were ever turned back, and by which steps.
const (
	repeats = 3 * time.Hour
	step    = 15 * time.Minute
)

// Note says what clocks do to a moment that is due at a time of day, for people;
// it is empty where they do nothing.
func Note(at time.Time, wanted TimeOfDay, zone *time.Location) string {
	local := at.In(zone)
	if shown := TimeOfDay(local.Hour()*hour + local.Minute()*60 + local.Second()); shown != wanted {
		return "clocks skip " + wanted.String() + " that day"
	}
	for ahead := step; ahead <= repeats; ahead += step {
		if at.Add(ahead).In(zone).Format(time.DateTime) == local.Format(time.DateTime) {
			return "clocks show this time twice; the first counts"
		}
	}
	return ""
}
