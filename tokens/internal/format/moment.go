package format

import (
	"slices"
	"sync"
	"time"
)

// layouts are the named layouts of moments, without a word that another
// country reads in another order.
var layouts = map[string]string{
	"iso":     time.DateOnly,
	"short":   "2 Jan 2006",
	"medium":  "2 January 2006",
	"long":    "Monday, 2 January 2006",
	"time":    "15:04",
	"rfc3339": time.RFC3339,
}

// Layouts returns the names of the layouts.
func Layouts() []string { return []string{"iso", "short", "medium", "long", "time", "rfc3339"} }

// Layout reports whether there is a layout of that name.
func Layout(name string) bool { return slices.Contains(Layouts(), name) }

// Date writes a calendar date ("2026-11-23") in a named layout; rfc3339 is its
// first moment in the zone. What is no date is written as it is.
func Date(text, layout string, zone *time.Location) string {
	d, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return text
	}
	return d.Format(layouts[layout])
}

// Moment writes a moment (RFC 3339) in a named layout, as seen in the zone.
// What is no moment is written as it is.
func Moment(text, layout string, zone *time.Location) string {
	m, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	return m.In(zone).Format(layouts[layout])
}

// TimeOfDay writes a local time of day ("14:05:00" or "14:05") as hours and
// minutes. What is none is written as it is.
func TimeOfDay(text string) string {
	for _, form := range []string{time.TimeOnly, "15:04"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.Format(layouts["time"])
		}
	}
	return text
}

// maxZones bounds the zones that are kept; there are about 600.
const maxZones = 1000

// Zones finds time zones by name and keeps them, since the system's reading of
// a zone costs more than the rest of a rendering. The zero Zones is ready.
type Zones struct {
	mu    sync.RWMutex
	known map[string]*time.Location
}

// Find returns the zone of an IANA name, false when there is none.
func (z *Zones) Find(name string) (*time.Location, bool) {
	z.mu.RLock()
	zone, ok := z.known[name]
	z.mu.RUnlock()
	if ok {
		return zone, true
	}
	if name == "" || name == "Local" { // another zone on every machine
		return nil, false
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.known == nil {
		z.known = map[string]*time.Location{}
	}
	if len(z.known) < maxZones {
		z.known[name] = zone
	}
	return zone, true
}
