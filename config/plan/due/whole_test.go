package due

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// wholeVariable, set to anything, runs the check below for every zone by
// itself and not once for all that agree: some minutes.
const wholeVariable = "BILLHOOK_DUE_WHOLE"

// Four years, each day of them, at each quarter of an hour, in every zone: the
// moment is the one that follows from the list of the zone's periods, which is
// found by halving and read without package time's opinion about local times.
func TestEveryQuarterHourOfFourYearsIsDueOnceInEveryZone(t *testing.T) {
	first, last := moment(t, "2025-01-01T00:00:00Z").Unix(), moment(t, "2029-01-01T00:00:00Z").Unix()
	for _, name := range []string{"Pacific/Apia", "Pacific/Fakaofo"} { // which skipped a day
		compare(t, name, moment(t, "2010-01-01T00:00:00Z").Unix(), moment(t, "2014-01-01T00:00:00Z").Unix())
	}
	seen := map[string]bool{}
	var names []string
	for _, name := range zones(t) {
		// Zones with the same periods cannot differ: the rule asks a zone for
		// nothing but offsets.
		shape := fmt.Sprint(periods(location(t, name), first-40*day, last+40*day))
		if os.Getenv(wholeVariable) != "" || !seen[shape] {
			names = append(names, name)
		}
		seen[shape] = true
	}
	if testing.Short() { // under the race detector it takes minutes
		names = names[:4]
	}
	work := make(chan string)
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for name := range work {
				compare(t, name, first, last)
			}
		})
	}
	for _, name := range names {
		work <- name
	}
	close(work)
	working.Wait()
	t.Logf("%d zones", len(names))
}

// compare checks one zone. Deliveries are at noon of the zone's day before,
// or, where there is no such noon, at any time of that day.
func compare(t *testing.T, name string, first, last int64) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Error(err)
		return
	}
	list := periods(zone, first-40*day, last+40*day)
	for midnight := first; midnight < last; midnight += day {
		delivered := time.Unix(list.due(midnight-day+day/2, midnight-day), 0)
		if list.skips(midnight - day) {
			continue // nothing was ever delivered that day
		}
		previous := int64(0)
		for at := int64(0); at < day; at += hour / 4 {
			want := list.due(midnight+at, midnight)
			got := Rule{Days: 1, At: TimeOfDay(at)}.After(delivered, zone).Unix()
			if got != want {
				t.Errorf("%s: day %s at %s is due %s, want %s", name, time.Unix(midnight, 0).UTC().Format(time.DateOnly),
					TimeOfDay(at), time.Unix(got, 0).UTC(), time.Unix(want, 0).UTC())
				return
			}
			// Later times of a day may be due together behind a gap, and an
			// hour earlier where the second reading of an overlap is skipped.
			if got < previous-2*hour {
				t.Errorf("%s: times of %s run backwards", name, time.Unix(midnight, 0).UTC())
				return
			}
			previous = got
		}
	}
}

// period is a time without a clock change: [from, until) in Unix seconds.
type period struct{ from, until, offset int64 }

// calendar is a zone's periods in order.
type timeline []period

// periods finds a zone's periods between two instants: offsets are read twice
// an hour, and where they differ the change is found by halving.
func periods(zone *time.Location, from, until int64) timeline {
	list := timeline{{from: from, until: until, offset: offsetOf(zone, from)}}
	for i := from; i < until; i += hour / 2 {
		known := &list[len(list)-1]
		next := offsetOf(zone, i+hour/2)
		if next == known.offset {
			continue
		}
		lo, hi := i, i+hour/2
		for hi-lo > 1 {
			if mid := (lo + hi) / 2; offsetOf(zone, mid) == known.offset {
				lo = mid
			} else {
				hi = mid
			}
		}
		known.until = hi
		list = append(list, period{from: hi, until: until, offset: next})
	}
	return list
}

func offsetOf(zone *time.Location, at int64) int64 {
	_, o := time.Unix(at, 0).In(zone).Zone()
	return int64(o)
}

// skips reports whether the zone leaves out a whole calendar day.
func (c timeline) skips(midnight int64) bool {
	return c.due(midnight, midnight) == c.due(midnight+day/2, midnight)
}

// due returns the instant for a local time, written as if it were UTC, of the
// calendar day that begins at midnight.
func (c timeline) due(wall, midnight int64) int64 {
	// The periods that the two days around it touch.
	n, _ := slices.BinarySearchFunc(c, wall-2*day, func(p period, at int64) int {
		if p.until <= at {
			return -1
		}
		return 1
	})
	for i := n; i < len(c) && c[i].from <= wall+2*day; i++ {
		p := c[i]
		if at := wall - p.offset; at >= p.from && at < p.until {
			return at // in order, so the first reading of an overlap
		}
		ends, begins := p.until+p.offset, int64(0)
		if i+1 < len(c) {
			begins = p.until + c[i+1].offset
		}
		if ends <= wall && wall < begins { // the gap between two periods
			if ends <= midnight && begins >= midnight+day {
				return p.until
			}
			return wall - p.offset
		}
	}
	panic("no period has the local time, and no gap")
}
