package pace

import (
	"math"
	"time"
)

// Rates tells how fast messages of each key come all the time: what does so must
// be kept up with, however long a backlog may take. That is the average of a
// while, or what has come in each of some seconds, whichever is more: the first
// knows those who send by fits and starts, the second is known soon after a
// start, and a flood of a few seconds is little of either. Rates go by the times
// at which messages were stored. They belong to one goroutine.
type Rates struct {
	over   time.Duration
	latest time.Time
	of     map[string]*flow
}

// flow is how messages of a key come.
type flow struct {
	// sum counts messages up to at, each the less the longer ago it was.
	sum float64
	at  time.Time
	// lately is how many came a second in seconds before the one that began
	// last, in which there were current.
	lately, current float64
	began           time.Time
}

const (
	// rise and step bound how much more a second counts for than the one before:
	// 5,000 a second are known after 13 of them.
	rise, step = 1.25, 100
	// fall is the part of the difference by which less counts.
	fall = 0.2
)

// NewRates returns those over a while, which is the time constant of the average.
func NewRates(over time.Duration) *Rates {
	return &Rates{over: over, of: map[string]*flow{}}
}

// Saw counts a message. Messages come in the order in which they were stored.
func (r *Rates) Saw(key string, stored time.Time) {
	if stored.After(r.latest) {
		r.latest = stored
	}
	f := r.of[key]
	if f == nil {
		f = &flow{at: r.latest, began: r.latest}
		r.of[key] = f
	}
	f.settle(r.latest)
	f.sum, f.at = f.sum*r.faded(f)+1, r.latest
	f.current++
}

// Of returns how many messages of a key come a second.
func (r *Rates) Of(key string) float64 {
	f := r.of[key]
	if f == nil {
		return 0
	}
	f.settle(r.latest)
	return max(f.sum*r.faded(f)/r.over.Seconds(), f.lately)
}

// Forget drops the keys of which next to nothing is left.
func (r *Rates) Forget() {
	for key, f := range r.of {
		if f.sum*r.faded(f) < 0.5 {
			delete(r.of, key)
		}
	}
}

// faded is what is left by now of a message that came when f was counted last.
func (r *Rates) faded(f *flow) float64 {
	return math.Exp(-float64(r.latest.Sub(f.at)) / float64(r.over))
}

// settle has the seconds count that are over.
func (f *flow) settle(now time.Time) {
	seconds := int(now.Sub(f.began) / time.Second)
	if seconds < 1 {
		return
	}
	if f.current > f.lately {
		f.lately = min(f.current, rise*f.lately+step)
	} else {
		f.lately -= fall * (f.lately - f.current)
	}
	f.lately *= math.Pow(1-fall, float64(seconds-1))
	f.current, f.began = 0, f.began.Add(time.Duration(seconds)*time.Second)
}
