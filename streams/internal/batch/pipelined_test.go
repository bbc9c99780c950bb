package batch_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/streams/internal/batch"
)

// choices lets a pace choose for groups of n on a server where messages one by
// one take what took says, and returns the share of batches among the messages
// of the last 128 of 512 groups.
func choices(n int, took func(group, messages int) time.Duration) float64 {
	var p batch.Pipelined
	batches := 0
	for i := range 512 {
		for left := n; left > 0; {
			take, batched := p.Next(left)
			left -= take
			switch {
			case !batched:
				p.Learn(take, took(i, take))
			case i >= 384:
				batches += take
			}
		}
	}
	return float64(batches) / float64(128*n)
}

func TestPipelinedMessagesAreBatchesWhereTheServerSyncsEach(t *testing.T) {
	for name, c := range map[string]struct {
		n             int
		round, single time.Duration
		batched       bool
	}{
		"few, not synced":  {3, 300 * time.Microsecond, 30 * time.Microsecond, false},
		"many, not synced": {120, 300 * time.Microsecond, 30 * time.Microsecond, false},
		"one, synced":      {1, 2 * time.Millisecond, 2 * time.Millisecond, false},
		"few, synced":      {6, 0, 2 * time.Millisecond, true},
		"many, synced":     {120, 0, 300 * time.Microsecond, true},
	} {
		got := choices(c.n, func(_, n int) time.Duration { return c.round + time.Duration(n)*c.single })
		if c.batched && got < 0.9 || !c.batched && got > 0 {
			t.Errorf("%s: %.2f of the messages were in batches", name, got)
		}
	}
}

// Batches were chosen on a busy machine, which made it busier, and so on.
func TestABusyMachineDoesNotPassForOneThatSyncs(t *testing.T) {
	got := choices(64, func(group, n int) time.Duration {
		if group%4 == 0 {
			return time.Duration(n) * 50 * time.Microsecond
		}
		return time.Duration(n) * 500 * time.Microsecond
	})
	if got > 0 {
		t.Errorf("%.2f of the messages were in batches", got)
	}
}

// Where all remembered groups were slow, one that was tried anyway tells.
func TestWhatIsFastAgainIsFoundOut(t *testing.T) {
	got := choices(64, func(group, n int) time.Duration {
		if group < 200 {
			return time.Duration(n) * 500 * time.Microsecond
		}
		return time.Duration(n) * 50 * time.Microsecond
	})
	if got > 0 {
		t.Errorf("%.2f of the messages were still in batches", got)
	}
}
