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
// as it has been silent, once that is longer than patience: a moment's silence
// is nothing, when many wait for a processor.
func (p *pace) each(now time.Time, patience time.Duration) time.Duration {
	if silent := now.Sub(p.moved); silent > patience {
		return max(p.took, silent)
	}
	return p.took
}

// maxPostponed bounds how far shed jobs are spread.
const maxPostponed = 15 * time.Minute

// postpone returns when a shed job should come back: behind those shed before
// it, as far apart as the lane can take them.
func (p *pace) postpone(now time.Time, least, apart time.Duration) time.Duration {
	if earliest := now.Add(least); p.horizon.Before(earliest) {
		p.horizon = earliest
	}
	p.horizon = p.horizon.Add(apart)
	return min(p.horizon.Sub(now), maxPostponed)
}
