// Package crew does pieces of work side by side, those of one key one after
// another. It refuses to keep anything between two calls.
package crew

import (
	"hash/maphash"
	"sync"
)

// waiting is how many pieces may wait for each hand.
const waiting = 16

// Give hands a piece of work of a key to the crew. It waits while too much is
// waiting already.
type Give func(key string, work func() error)

// Run does the work that body gives, by so many hands, and returns when all of
// it is done: with the error of body, else the first of a piece. After an error
// what has not begun is left out.
func Run(hands int, body func(Give) error) error {
	c := crew{lanes: make([]chan func() error, hands), seed: maphash.MakeSeed()}
	err := body(c.give)
	for _, lane := range c.lanes {
		if lane != nil {
			close(lane)
		}
	}
	c.working.Wait()
	if err != nil {
		return err
	}
	return c.failed()
}

type crew struct {
	seed maphash.Seed
	// lanes are those of the hands; one that had nothing to do is nil.
	lanes   []chan func() error
	working sync.WaitGroup

	mu  sync.Mutex
	err error
}

func (c *crew) give(key string, work func() error) {
	lane := &c.lanes[maphash.String(c.seed, key)%uint64(len(c.lanes))]
	if *lane == nil {
		*lane = make(chan func() error, waiting)
		c.working.Go(func() { c.work(*lane) })
	}
	*lane <- work
}

func (c *crew) work(lane <-chan func() error) {
	for work := range lane {
		if c.failed() != nil {
			continue
		}
		if err := work(); err != nil {
			c.mu.Lock()
			if c.err == nil {
				c.err = err
			}
			c.mu.Unlock()
		}
	}
}

func (c *crew) failed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
