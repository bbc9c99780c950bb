// Package backoff says when a failed attempt is tried again. It refuses to
// wait, and to judge what is worth a retry: it turns the number of attempts
// made into a delay.
package backoff

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// The limits of a schedule.
const (
	MaxEntries = 20
	MaxDelay   = 7 * 24 * time.Hour
)

// Schedule holds the longest delay before each attempt: entry 0 is that before
// the first attempt (0: at once), entry 1 that between the failure of the first
// and the second, and so on. So a schedule of n entries allows n attempts.
type Schedule []time.Duration

// Default returns the schedule that the Standard Webhooks specification
// advises: ten attempts over about three days.
func Default() Schedule {
	return Schedule{
		0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
		5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

// Next returns the delay before the next attempt after made attempts (0 before
// the first one), and false when the schedule is used up.
//
// The delay has full jitter: it is drawn evenly from 0 to the schedule's entry,
// both included, so that what failed together does not come back together.
// rnd(n) must return an even draw from [0, n).
func (s Schedule) Next(made int, rnd func(n int64) int64) (delay time.Duration, ok bool) {
	if made < 0 || made >= len(s) {
		return 0, false
	}
	if s[made] <= 0 {
		return 0, true
	}
	return time.Duration(rnd(int64(s[made]) + 1)), true
}

// Draws returns what draws evenly from [0, n), out of random bytes.
func Draws(random io.Reader) func(n int64) int64 {
	return func(n int64) int64 {
		var raw [8]byte
		_, _ = io.ReadFull(random, raw[:]) // a source that fails gives less jitter
		return int64(binary.LittleEndian.Uint64(raw[:]) % uint64(n))
	}
}

// Check returns what is wrong with s, with pointers to its entries.
func (s Schedule) Check() fault.Problems {
	var p fault.Problems
	if len(s) < 1 || len(s) > MaxEntries {
		p = append(p, fault.Problem{
			Rule:   "schedule.length",
			Detail: fmt.Sprintf("has %d entries; 1 to %d are allowed, one for each attempt", len(s), MaxEntries),
		})
	}
	for i, d := range s {
		if d < 0 || d > MaxDelay {
			p = append(p, fault.Problem{
				Pointer: fault.Pointer(strconv.Itoa(i)),
				Rule:    "schedule.delay",
				Detail:  fmt.Sprintf("is %s; 0s to %s are allowed", Format(d), Format(MaxDelay)),
			})
		}
	}
	return p
}
