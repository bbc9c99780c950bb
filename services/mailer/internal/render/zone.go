package render

import "time"

// Zone returns the first of the named zones that is known, UTC when none is.
// Names are IANA's; an empty one is passed over.
func Zone(names ...string) *time.Location {
	for _, name := range names {
		if name == "" {
			continue
		}
		if zone, err := time.LoadLocation(name); err == nil {
			return zone
		}
	}
	return time.UTC
}
