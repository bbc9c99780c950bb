package render

import (
	"sync"
	"time"
)

// Zones finds time zones by their IANA names and keeps those it found: reading
// one takes longer than a letter's templates. It may be used by many
// goroutines.
type Zones struct{ found sync.Map }

// Zone returns the first of the named zones that is known, UTC when none is.
// An empty name is passed over.
func (z *Zones) Zone(names ...string) *time.Location {
	for _, name := range names {
		if name == "" {
			continue
		}
		if known, ok := z.found.Load(name); ok {
			return known.(*time.Location)
		}
		if zone, err := time.LoadLocation(name); err == nil {
			z.found.Store(name, zone)
			return zone
		}
	}
	return time.UTC
}
