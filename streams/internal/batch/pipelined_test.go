package batch_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/streams/internal/batch"
)

// choices lets a pace choose for groups of n on a server where messages one by
// one take round and single, and returns how many of the last 100 of 500
// groups were batches.
func choices(n int, round, single time.Duration) int {
	p, batches := batch.NewPipelined(), 0
	for i := range 500 {
		took := round + time.Duration(n)*single
		batched := p.Batched(n)
		if batched {
			took = 3*time.Millisecond + time.Duration(n)*20*time.Microsecond
		}
		p.Learn(batched, n, took)
		if batched && i >= 400 {
			batches++
		}
	}
	return batches
}

func TestPipelinedMessagesGoTheWayThatIsFasterOnTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		n             int
		round, single time.Duration
		batched       bool
	}{
		"few, not synced":    {3, 300 * time.Microsecond, 30 * time.Microsecond, false},
		"many, not synced":   {120, 300 * time.Microsecond, 30 * time.Microsecond, false},
		"many, busy machine": {120, 3 * time.Millisecond, 60 * time.Microsecond, false},
		"one, synced":        {1, 2 * time.Millisecond, 2 * time.Millisecond, false},
		"few, synced":        {6, 0, 2 * time.Millisecond, true},
		"many, synced":       {120, 0, 2 * time.Millisecond, true},
	} {
		got := choices(c.n, c.round, c.single)
		if c.batched && got < 90 || !c.batched && got > 10 {
			t.Errorf("%s: %d of 100 groups were batches", name, got)
		}
	}
}
