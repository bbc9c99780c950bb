package pace

import (
	"math"
	"time"
)

// Rates tells how fast messages of each key come all the time: what does so must
// be kept up with, however long a backlog may take. That is the average of a
// while, or what has come in each of some minutes' seconds, whichever is more: the
// first knows those who send by fits and starts, the second is known sooner, and a
// flood of a minute is little of either. Rates go by the times at which messages
// were stored. They belong to one goroutine.
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
	// began is that second, as one since 1970.
	began int64
}

const (
	// rise and step bound how much more a second counts for than the one before:
	// 1,000 a second are known after two minutes of them, 5,000 after 200 s.
	rise, step = 1.02, 2
	// fall is the part of the difference by which less counts.
	fall = 0.2
	// sudden is how many times as many as come all the time are a flood.
	sudden = 2
	// backwards is how much earlier than another a later message may have been
	// stored; where it is more, a clock was set back.
	backwards = 2 * time.Second
	// crowd is of how many keys each must have had a message more lately not to
	// be forgotten.
	crowd = 1000
)

// NewRates returns those over a while, which is the time constant of the average.
// Known are rates that were known so long ago, as [Rates.Above] returned them.
func NewRates(over time.Duration, known map[string]float64, ago time.Duration) *Rates {
	r := &Rates{over: over, of: map[string]*flow{}}
	left := r.left(max(0, ago))
	for key, rate := range known {
		r.of[key] = &flow{sum: left * rate * over.Seconds(), lately: left * rate}
	}
	return r
}

// Saw counts a message. Messages come in the order in which they were stored.
func (r *Rates) Saw(key string, stored time.Time) {
	if r.latest.IsZero() || r.latest.Sub(stored) > backwards {
		r.begin(stored)
	}
	if stored.After(r.latest) {
		r.latest = stored
	}
	f := r.of[key]
	if f == nil {
		f = &flow{at: r.latest, began: r.latest.Unix()}
		r.of[key] = f
	}
	f.settle(r.latest)
	f.sum, f.at = f.sum*r.faded(f)+1, r.latest
	f.current++
}

// begin has all that is known go on from now.
func (r *Rates) begin(now time.Time) {
	r.latest = now
	for _, f := range r.of {
		f.at, f.began, f.current = now, now.Unix(), 0
	}
}

// Quiet says that no message of any key came for so long.
func (r *Rates) Quiet(d time.Duration) {
	if !r.latest.IsZero() {
		r.latest = r.latest.Add(max(0, d))
	}
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

// Flood reports whether in the second of the newest message so many came of a key
// as would be a flood of it: more than twice of what comes all the time, or of
// least.
func (r *Rates) Flood(key string, least float64) bool {
	usual := r.Of(key)
	f := r.of[key]
	return f != nil && f.current > sudden*max(least, usual)
}

// Above returns the rates that are more than least.
func (r *Rates) Above(least float64) map[string]float64 {
	var out map[string]float64
	for key := range r.of {
		if rate := math.Round(r.Of(key)); rate > least {
			if out == nil {
				out = map[string]float64{}
			}
			out[key] = rate
		}
	}
	return out
}

// Forget drops the keys of which next to nothing is left: less, the fewer there
// are of them.
func (r *Rates) Forget() {
	little := 0.5 + float64(len(r.of))/crowd
	for key, f := range r.of {
		if f.sum*r.faded(f) < little {
			delete(r.of, key)
		}
	}
}

// faded is what is left by now of a message that came when f was counted last.
func (r *Rates) faded(f *flow) float64 { return r.left(r.latest.Sub(f.at)) }

// left is what is left of a message after a while.
func (r *Rates) left(after time.Duration) float64 {
	return math.Exp(-float64(after) / float64(r.over))
}

// settle has the seconds count that are over.
func (f *flow) settle(now time.Time) {
	seconds := now.Unix() - f.began
	if seconds < 1 {
		return
	}
	if f.current > f.lately {
		f.lately = min(f.current, rise*f.lately+step)
	} else {
		f.lately -= fall * (f.lately - f.current)
	}
	f.lately *= math.Pow(1-fall, float64(seconds-1))
	f.current, f.began = 0, now.Unix()
}
