package batch

import "time"

// Pipelined decides for messages that go one by one without waiting for each
// other. A batch costs the server some 2 ms of processor time and a sync of its
// own, so it pays only where the server syncs every message, which shows in
// what one costs at best: a group that took long may have met a busy machine,
// and on a busy machine batches are what makes it busier.
type Pipelined struct {
	costs   costs // of a message, in the last groups one by one
	batches int
}

const (
	// window is how many groups are remembered.
	window = 8
	// telling is the least group that says something of its messages: in a
	// smaller one it is the round trip that shows. sample is one that says
	// enough and is soon stored where the server syncs.
	telling = 4
	sample  = 16
	// longest is what a group may take one by one before it is a batch, by the
	// best that is known.
	longest = 6 * time.Millisecond
	// probed is how many batches go by before a sample is stored one by one,
	// since only trying tells what that costs now.
	probed = 16
)

// Next returns how many of n messages go next, and whether as a batch.
func (p *Pipelined) Next(n int) (take int, batched bool) {
	switch {
	case n < telling:
		return n, false
	case p.costs.seen < window || p.batches == probed:
		p.batches = 0
		return min(n, sample), false
	case time.Duration(n)*p.costs.best() <= longest:
		return n, false
	default:
		p.batches++
		return n, true
	}
}

// Learn notes how long n messages took one by one.
func (p *Pipelined) Learn(n int, took time.Duration) {
	if n < telling {
		return
	}
	p.costs.add(took/time.Duration(n), window)
}
