// Package verdict decides what follows from an attempt: nothing more, another
// attempt at a moment, or an end in PARKED. It is pure: the moment and the
// randomness are passed in.
package verdict

import (
	"net/http"
	"time"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
)

// Gone is the reason of what is parked because the receiver answered 410: it
// wants nothing more at this address, so no repeat can succeed.
const Gone = "gone"

// Attempt is an attempt that has ended.
type Attempt struct {
	// Number counts from 1.
	Number int
	// Reason is the class of the failure, empty for success; Status is the
	// HTTP status, 0 when there was none.
	Reason string
	Status int
	// RetryAfter is what the receiver asked for, 0 when nothing.
	RetryAfter time.Duration
	// Ended is when the attempt ended.
	Ended time.Time
}

// Policy is how failures are met.
type Policy struct {
	// Schedule is the endpoint's; it says how many attempts there are.
	Schedule backoff.Schedule
	// After is the number of the attempt behind which the schedule begins: 0,
	// or what was behind the delivery when it was asked for again.
	After int
	// Forever goes on with the last interval of the schedule when that is used
	// up, whatever the receiver answers: others wait for this one.
	Forever bool
	// MaxRetryAfter bounds what a receiver may ask for.
	MaxRetryAfter time.Duration
	// Rand draws evenly from [0, n).
	Rand func(n int64) int64
}

// Verdict is what follows.
type Verdict struct {
	// Result is Delivered, Retrying or Parked.
	Result delivery.Result
	// Reason is that of the attempt, or [Gone].
	Reason string
	// NextAt is when the next attempt is due, in whole seconds as message
	// schedules are; zero unless Retrying.
	NextAt time.Time
}

// Judge returns what follows from a. Retry-After counts with 429 and 503 only,
// as RFC 9110 and RFC 6585 define it, and may make a delay longer, never
// shorter.
func (p Policy) Judge(a Attempt) Verdict {
	switch {
	case a.Reason == "":
		return Verdict{Result: delivery.Delivered}
	case a.Status == http.StatusGone && !p.Forever:
		return Verdict{Result: delivery.Parked, Reason: Gone}
	}
	number := a.Number - p.After
	if p.Forever {
		number = min(number, len(p.Schedule)-1)
	}
	delay, ok := p.Schedule.Next(number, p.Rand)
	if !ok {
		return Verdict{Result: delivery.Parked, Reason: a.Reason}
	}
	if a.Status == http.StatusTooManyRequests || a.Status == http.StatusServiceUnavailable {
		delay = max(delay, min(a.RetryAfter, p.MaxRetryAfter))
	}
	return Verdict{Result: delivery.Retrying, Reason: a.Reason, NextAt: WholeSecond(a.Ended.Add(delay))}
}

// WholeSecond rounds up: a message schedule truncates to whole seconds, and an
// attempt must not come early.
func WholeSecond(t time.Time) time.Time {
	whole := t.Truncate(time.Second)
	if whole.Before(t) {
		whole = whole.Add(time.Second)
	}
	return whole
}
