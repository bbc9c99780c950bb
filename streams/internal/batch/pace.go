package batch

import "time"

// Pace learns whether a group of messages is stored sooner as a batch or one
// by one. Which is better depends on whether the server syncs every write: on
// one node, one by one costs some 40 µs a message without and 1 to 4 ms with,
// a batch 3 to 4 ms in both cases. While the server makes a batch, with files
// and a sync of its own, nobody else's message of the stream is stored; so a
// small one is made only where a single message holds them up as well. The zero
// Pace is not usable; see [NewPace].
type Pace struct {
	single time.Duration // for one message
	latest costs
	batch  time.Duration // for a batch beyond its messages
	forced int
	asked  int
}

const (
	firstSingle = 200 * time.Microsecond
	firstBatch  = 3 * time.Millisecond
	// within is what a message costs inside of a batch.
	within = 20 * time.Microsecond
	// weight of a new observation is 1/weight; outlier bounds it to a
	// multiple of what is known, so that one hiccup changes little.
	weight  = 8
	outlier = 4
	// probe is how often the way that seems slower is tried, since only
	// trying tells that it no longer is.
	probe = 256
	// syncs is what a message costs at least where the server syncs each. It
	// is held to the best of the latest few.
	syncs = 500 * time.Microsecond
	few   = 32
	// hopeless is how many times slower a way may seem and still be tried.
	hopeless = 8
)

// NewPace returns a Pace with which groups go one by one at first. Groups of
// forced and more are always batches; 0 means none.
func NewPace(forced int) *Pace {
	return &Pace{single: firstSingle, batch: firstBatch, forced: forced}
}

// Batched reports whether n messages had better be a batch.
func (p *Pace) Batched(n int) bool {
	if n < 2 {
		return false
	}
	if p.forced > 0 && n >= p.forced {
		return true
	}
	if p.latest.best() < syncs {
		return false
	}
	singly := time.Duration(n) * p.single
	whole := p.batch + time.Duration(n)*within
	p.asked++
	if p.asked%probe == 0 && max(singly, whole) < hopeless*min(singly, whole) {
		return singly <= whole
	}
	return singly > whole
}

// Learn takes in how long it took to store n messages in one of the ways.
func (p *Pace) Learn(batched bool, n int, took time.Duration) {
	if batched {
		p.batch = blend(p.batch, max(took-time.Duration(n)*within, firstBatch/outlier))
		return
	}
	p.single = blend(p.single, took/time.Duration(n))
	p.latest.add(took/time.Duration(n), few)
}

func blend(known, seen time.Duration) time.Duration {
	return known + (min(seen, outlier*known)-known)/weight
}
