package drain

import (
	"slices"
	"time"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
)

// due is an endpoint that waits for a place.
type due struct {
	key   gate.Key
	since time.Time
}

// waiting returns the endpoints that are due, those that waited for longest
// first, and how long no other is.
func (d *Drains) waiting() (out []due, next time.Duration) {
	states, fresh := d.Gate.Away()
	now := d.Now()
	next = lookEvery
	for key := range d.resting {
		if _, ok := states[key]; !ok {
			delete(d.resting, key)
		}
	}
	for key, s := range states {
		news := fresh[key] && !waits(s, now)
		if again, running := d.running[key]; running {
			d.running[key] = again || news
			continue
		}
		r, rested := d.resting[key]
		wait := r.until.Sub(now)
		switch {
		case rested && wait <= 0:
			out = append(out, due{key, r.until})
		case rested && r.mark == markOf(s) && !news && !d.enabled(key, s) && !d.gone(key, s):
			next = min(next, wait)
		default:
			out = append(out, due{key, now})
		}
	}
	slices.SortFunc(out, func(a, b due) int { return a.since.Compare(b.since) })
	return out, next
}

// waits reports whether there is nothing to do before a moment that is known,
// or before somebody enables the endpoint, whatever comes.
func waits(s breaker.State, now time.Time) bool {
	return s.Phase == breaker.Disabled || s.Phase == breaker.Open && now.Before(s.Probe)
}
