package batch

import "time"

// Pace learns whether a group of messages is stored sooner as a batch or one
// by one. Which is better depends on whether the server syncs every write: on
// one node, one by one costs some 40 µs a message without and 1 to 4 ms with,
// a batch 3 to 4 ms in both cases. The zero Pace is not usable; see [NewPace]
// and [NewPipelined].
type Pace struct {
	round  time.Duration // for the messages one by one, whatever their number
	single time.Duration // for one message beyond that
	batch  time.Duration // for a batch beyond its messages
	// favour is how many times longer the messages one by one may take where
	// the server does not sync.
	favour int
	forced int
	probe  int
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
	// hopeless is how many times slower a way may seem and still be tried.
	hopeless = 8
	// Where all messages are under way at once, a group has one round trip,
	// and each message costs what the server needs for it. A batch costs the
	// server 2 ms of processor time: in groups of 100 webhooks took 0.095 s
	// for 1,000 one by one and 0.13 s as batches. On a busy machine that does
	// not show in how long a group takes, so one by one is favoured unless it
	// is much slower, as it is where the server syncs.
	pipelinedRound  = 300 * time.Microsecond
	pipelinedSingle = 30 * time.Microsecond
	pipelinedFavour = 3
	pipelinedProbe  = 64
	leastSingle     = 5 * time.Microsecond
	// synced is what a message costs at least where the server syncs each; the
	// favour ends there.
	synced = 100 * time.Microsecond
)

// NewPace returns a Pace with which groups of 18 and more are batches at
// first. Groups of forced and more always are; 0 means none.
func NewPace(forced int) *Pace {
	return &Pace{single: firstSingle, batch: firstBatch, favour: 1, forced: forced, probe: probe}
}

// NewPipelined returns a Pace for messages that go one by one without waiting
// for each other. It takes the server for one that does not sync until it
// learns better, with the first group.
func NewPipelined() *Pace {
	return &Pace{
		round: pipelinedRound, single: pipelinedSingle, batch: firstBatch, favour: pipelinedFavour, probe: pipelinedProbe,
	}
}

// Batched reports whether n messages had better be a batch.
func (p *Pace) Batched(n int) bool {
	if n < 2 {
		return false
	}
	if p.forced > 0 && n >= p.forced {
		return true
	}
	singly := p.round + time.Duration(n)*p.single
	whole := p.batch + time.Duration(n)*within
	if p.single < synced {
		whole *= time.Duration(p.favour)
	}
	p.asked++
	if p.asked%p.probe == 0 && max(singly, whole) < hopeless*min(singly, whole) {
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
	p.single = blend(p.single, max((took-p.round)/time.Duration(n), leastSingle))
}

func blend(known, seen time.Duration) time.Duration {
	return known + (min(seen, outlier*known)-known)/weight
}
