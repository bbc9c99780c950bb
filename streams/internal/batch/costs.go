package batch

import (
	"slices"
	"time"
)

// costs are what the latest messages cost one by one. The best of them counts:
// a message that took long may have met a busy machine.
type costs struct {
	latest []time.Duration
	seen   int
}

// add notes a cost and forgets all but the latest few.
func (c *costs) add(cost time.Duration, few int) {
	if len(c.latest) < few {
		c.latest = append(c.latest, cost)
	} else {
		c.latest[c.seen%few] = cost
	}
	c.seen++
}

// best is the least of them; 0 where there is none.
func (c *costs) best() time.Duration {
	if len(c.latest) == 0 {
		return 0
	}
	return slices.Min(c.latest)
}
