// Package verdict decides what follows from an attempt to send a letter. It is
// pure: the moment and the randomness are passed in.
package verdict

import (
	"time"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
)

// Policy is how failures are met.
type Policy struct {
	// Schedule holds the longest delay before each attempt that counts.
	Schedule backoff.Schedule
	// Pace is the delay after a fault of the SMTP settings, Patience how long
	// after the first attempt a delivery is given up because of such faults.
	Pace, Patience time.Duration
	// Hold gives up a letter of which nobody knows whether the server took it,
	// rather than perhaps send it twice.
	Hold bool
	// Rand draws evenly from [0, n).
	Rand func(n int64) int64
}

// Attempt is an attempt that has ended.
type Attempt struct {
	// Burnt counts the attempts of the letter that counted before this one.
	Burnt int
	// Forever plans another attempt however many there were.
	Forever bool
	// First is when the delivery was first attempted, Ended when this attempt
	// ended.
	First, Ended time.Time
	// Waiting is true while recipients wait, Lost when some were refused for
	// good.
	Waiting, Lost bool
	// Failure is the failure that weighs most, nil when every transaction
	// passed.
	Failure *smtp.Failure
}

// Reasons of a verdict besides those of failures.
const (
	// Refused: a recipient, or the letter, was refused for good.
	Refused = "recipient_refused"
	// Deferred: a recipient was refused for now.
	Deferred = "recipient_deferred"
)

// Verdict is what follows.
type Verdict struct {
	// Result is Delivered, Retrying or Parked.
	Result delivery.Result
	Reason string
	// Burnt counts the attempts that counted, this one included.
	Burnt int
	// NextAt is when the next attempt is due, in whole seconds as message
	// schedules are; zero unless Retrying.
	NextAt time.Time
}

// Judge returns what follows from a.
func (p Policy) Judge(a Attempt) Verdict {
	v := Verdict{Result: delivery.Retrying, Burnt: a.Burnt, Reason: reason(a)}
	switch {
	case !a.Waiting && a.Lost:
		v.Result, v.Burnt = delivery.Parked, a.Burnt+1
		return v
	case !a.Waiting:
		return Verdict{Result: delivery.Delivered, Burnt: a.Burnt + 1}
	case a.Failure != nil && a.Failure.Class == smtp.Settings:
		if !a.Forever && a.Ended.Sub(a.First) >= p.Patience {
			v.Result = delivery.Parked
			return v
		}
		v.NextAt = WholeSecond(a.Ended.Add(p.Pace + p.upTo(p.Pace/4)))
		return v
	}
	v.Burnt++
	held := p.Hold && a.Failure != nil && a.Failure.Class == smtp.Ambiguous
	if held || !a.Forever && v.Burnt >= len(p.Schedule) {
		v.Result = delivery.Parked
		return v
	}
	v.NextAt = WholeSecond(a.Ended.Add(p.delay(v.Burnt)))
	return v
}

// delay is at least half of what the schedule says: a server that greylists
// answers no sooner, and what failed together still does not come back
// together.
func (p Policy) delay(burnt int) time.Duration {
	longest := p.Schedule[min(burnt, len(p.Schedule)-1)]
	return longest/2 + p.upTo(longest-longest/2)
}

func (p Policy) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(p.Rand(int64(d) + 1))
}

func reason(a Attempt) string {
	switch {
	case a.Failure != nil && (a.Waiting || a.Failure.Class == smtp.Permanent):
		return a.Failure.Reason()
	case a.Waiting:
		return Deferred
	default:
		return Refused
	}
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
