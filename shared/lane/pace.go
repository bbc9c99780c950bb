package lane

import "time"

// pace is how fast a lane gets through its jobs.
type pace struct {
	// moved is when a job ended last, took a running mean of their times.
	moved time.Time
	took  time.Duration
	// horizon is up to when the shed jobs will keep the lane busy.
	horizon time.Time
}

func (p *pace) finished(now time.Time, took time.Duration) {
	p.moved = now
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 8
}

// each is the expected time of a job. A lane in which nothing ends is as slow
// as it has been silent.
func (p *pace) each(now time.Time) time.Duration {
	return max(p.took, now.Sub(p.moved))
}

// wait is how long a job behind n others would wait.
func (p *pace) wait(now time.Time, n, inFlight int) time.Duration {
	return p.each(now) * time.Duration(n) / time.Duration(inFlight)
}

// maxPostponed bounds how far shed jobs are spread.
const maxPostponed = 15 * time.Minute

// postpone returns when a shed job should come back: behind those shed before
// it, as far apart as the lane can take them.
func (p *pace) postpone(now time.Time, least time.Duration, inFlight int) time.Duration {
	if earliest := now.Add(least); p.horizon.Before(earliest) {
		p.horizon = earliest
	}
	p.horizon = p.horizon.Add(p.each(now) / time.Duration(inFlight))
	return min(p.horizon.Sub(now), maxPostponed)
}
