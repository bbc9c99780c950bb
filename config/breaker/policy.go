package breaker

import (
	"net/http"
	"time"

	"github.com/billhook/billhook/shared/backoff"
)

// Policy is how failures of an endpoint are met.
type Policy struct {
	// Failures in a row open it.
	Failures int
	// Waits are the longest waits before the first probe, the second and so
	// on; the last goes on.
	Waits backoff.Schedule
	// Exhausted deliveries in a row disable it; 0 means never.
	Exhausted int
	// MaxRetryAfter bounds what a receiver may ask for.
	MaxRetryAfter time.Duration
	// Rand draws evenly from [0, n).
	Rand func(n int64) int64
}

// Answer is what became of a request, as the breaker sees it.
type Answer struct {
	// Reason is empty for success.
	Reason string
	// Status is that of HTTP; 0 for none.
	Status     int
	RetryAfter time.Duration
	// Exhausted is true when the delivery's schedule is used up.
	Exhausted bool
	// Probe is true for a request that was made although the endpoint is open,
	// and for those of the backlog.
	Probe bool
	// Row is how many failures there were in a row, this one included.
	Row int
	// URL is where the request went.
	URL string
}

// overloads are failures in a row by which an endpoint that says it is
// overloaded opens, where it does not say for how long.
const overloads = 2

// throttles reports whether the answer asks to be left alone, and for how long.
func (a *Answer) throttles() (time.Duration, bool) {
	switch a.Status {
	case http.StatusTooManyRequests:
		return a.RetryAfter, true
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return a.RetryAfter, a.RetryAfter > 0 || a.Row >= overloads
	default:
		return 0, false
	}
}

// After returns the state behind an answer. It is the same state where nothing
// changes.
func (p *Policy) After(s State, a Answer, now time.Time) State {
	if a.Reason == "" {
		return p.succeeded(s, a)
	}
	if a.Exhausted {
		s.Exhausted++
	}
	switch {
	case s.Phase == Disabled:
		return s
	case a.Status == http.StatusGone:
		return s.Disable(Gone, a.URL, now)
	case p.Exhausted > 0 && s.Exhausted >= p.Exhausted:
		return s.Disable(Exhausted, a.URL, now)
	}
	wait, throttled := a.throttles()
	wait = min(wait, p.MaxRetryAfter)
	if a.Probe && s.Phase == Open || s.Phase != Open && (throttled || a.Row >= p.Failures) {
		return p.trip(s, a.Reason, now, wait)
	}
	// What was under way when it opened can make the wait longer.
	if until := now.Add(wait); s.Phase == Open && wait > 0 && until.After(s.Probe) {
		s.Probe = until
	}
	return s
}

func (p *Policy) succeeded(s State, a Answer) State {
	s.Exhausted = 0
	if s.Phase == Open && a.Probe {
		s.Phase, s.Level, s.Probe = Recovering, 1, time.Time{}
	}
	return s
}

// trip opens.
func (p *Policy) trip(s State, reason string, now time.Time, atLeast time.Duration) State {
	if s.Phase != Open {
		s.Since = now
	}
	wait, _ := p.Waits.Next(min(s.Trips, len(p.Waits)-1), p.Rand)
	s.Phase, s.Reason, s.Level = Open, reason, 0
	s.Probe = now.Add(max(wait, atLeast, leastWait))
	s.Trips++
	return s
}

// leastWait keeps the jitter from probing at once.
const leastWait = 100 * time.Millisecond
