package lane

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// Cap is how hard a lane may be pressed.
type Cap struct {
	// InFlight is the greatest number of its jobs that run at a time; at least
	// 1.
	InFlight int
	// Rate is how many of its jobs may begin a second; 0 is without a limit.
	Rate float64
	// Group names whose lane it is: the lanes of a group leave room for those of
	// others, however many they are. Empty is a group of its own.
	Group string
	// Awaited says that somebody waits for the job, who offers no other one
	// meanwhile: it is not shed for crowding others.
	Awaited bool
}

// window is the stretch in which a lane may be ahead of its rate: what timers
// and other work delay is made up for. In any second at most a twentieth more
// than the rate begins, or one job.
const window = 50 * time.Millisecond

// limit is the rate of a lane. The zero limit lets everything pass.
type limit struct {
	bucket *rate.Limiter
	rate   float64
}

// set changes the rate, and reports whether that is another one. What was used
// of the former one stays used.
func (l *limit) set(perSecond float64, now time.Time) bool {
	if l.rate == perSecond {
		return false
	}
	l.rate = perSecond
	if perSecond <= 0 {
		l.bucket = nil
		return true
	}
	burst := max(1, int(perSecond*window.Seconds()))
	if l.bucket == nil {
		l.bucket = rate.NewLimiter(rate.Limit(perSecond), burst)
		return true
	}
	l.bucket.SetLimitAt(now, rate.Limit(perSecond))
	l.bucket.SetBurstAt(now, burst)
	return true
}

// clock is asked only where there is a limit.
type clock func() time.Time

// take lets one job begin, or returns false.
func (l *limit) take(now clock) bool { return l.bucket == nil || l.bucket.AllowN(now(), 1) }

// next returns in how long the next job may begin, 0 when it may now.
func (l *limit) next(now clock) time.Duration {
	if l.bucket == nil {
		return 0
	}
	return l.until(1, now())
}

// rested returns in how long it is as if nothing had ever begun.
func (l *limit) rested(now clock) time.Duration {
	if l.bucket == nil {
		return 0
	}
	return l.until(l.bucket.Burst(), now())
}

// until returns in how long so many jobs may begin at once. It is rounded up,
// so that who waits for it does not come too early.
func (l *limit) until(jobs int, now time.Time) time.Duration {
	lacking := float64(jobs) - l.bucket.TokensAt(now)
	if lacking <= 0 {
		return 0
	}
	return time.Duration(math.Ceil(lacking/l.rate*float64(time.Second))) + time.Microsecond
}

// each is the least time between two jobs.
func (l *limit) each() time.Duration {
	if l.rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / l.rate)
}
