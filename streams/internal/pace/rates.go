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
	// all is how many messages of any key came in the second that began last.
	all second
	of  map[string]*flow
}

// second counts the messages of a second, which is told as one since 1970.
type second struct {
	began int64
	count float64
}

// flow is how messages of a key come.
type flow struct {
	// sum counts messages up to at, each the less the longer ago it was.
	sum float64
	at  time.Time
	// lately is how many came a second in seconds before the one that began
	// last.
	lately float64
	second second
}

const (
	// rise and step bound how much more a second counts for than the one before:
	// 1,000 a second are known after two minutes of them, 5,000 after 200 s.
	rise, step = 1.02, 2
	// fall is the part of the difference by which less counts.
	fall = 0.2
	// sudden is how many times as many as come all the time are a flood.
	sudden = 2
)

// NewRates returns those over a while, which is the time constant of the average.
// Known are rates that were known before, as [Rates.Above] returned them.
func NewRates(over time.Duration, known map[string]float64) *Rates {
	r := &Rates{over: over, of: map[string]*flow{}}
	for key, rate := range known {
		r.of[key] = &flow{sum: rate * over.Seconds(), lately: rate}
	}
	return r
}

// Saw counts a message. Messages come in the order in which they were stored.
func (r *Rates) Saw(key string, stored time.Time) {
	if r.latest.IsZero() {
		// What was known before goes on from here.
		for _, f := range r.of {
			f.at, f.second.began = stored, stored.Unix()
		}
	}
	if stored.After(r.latest) {
		r.latest = stored
	}
	f := r.of[key]
	if f == nil {
		f = &flow{at: r.latest, second: second{began: r.latest.Unix()}}
		r.of[key] = f
	}
	f.settle(r.latest)
	f.sum, f.at = f.sum*r.faded(f)+1, r.latest
	f.second.count++
	if r.all.began != f.second.began {
		r.all = second{began: f.second.began}
	}
	r.all.count++
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
// as would be a flood of it: more than half of all, and more than twice of what
// comes all the time, or of least.
func (r *Rates) Flood(key string, least float64) bool {
	usual := r.Of(key)
	f := r.of[key]
	return f != nil && 2*f.second.count > r.all.count && f.second.count > sudden*max(least, usual)
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
	seconds := now.Unix() - f.second.began
	if seconds < 1 {
		return
	}
	if n := f.second.count; n > f.lately {
		f.lately = min(n, rise*f.lately+step)
	} else {
		f.lately -= fall * (f.lately - n)
	}
	f.lately *= math.Pow(1-fall, float64(seconds-1))
	f.second = second{began: now.Unix()}
}
