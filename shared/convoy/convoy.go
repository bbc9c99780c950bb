// Package convoy has those who want the same kind of thing at once served
// together: one of them serves all who wait, and whoever comes meanwhile waits
// for the next time. It refuses to know what is wanted, and starts no goroutine.
package convoy

import (
	"context"
	"runtime"
	"sync"
)

// Convoys serve items T together that have the same key. The zero one is ready
// for use, by many goroutines.
type Convoys[K comparable, T any] struct {
	mu       sync.Mutex
	underWay map[K]*group[T]
}

// group are the items that wait while others of their key are being served.
// Each has a turn, which receives true when it is for its holder to serve all
// that wait, or is closed when the item was served.
type group[T any] struct {
	items []*T
	turns []chan bool
}

// Join returns once serve was called with the item among others of its key, by
// whoever of those that joined with them: so all give a serve that does the
// same, and writes into the items what comes of it. It is called for one key at
// a time, and does not end with ctx: it has to be bounded by itself.
func (c *Convoys[K, T]) Join(ctx context.Context, key K, item *T, serve func(ctx context.Context, all []*T)) {
	turn := make(chan bool, 1)
	c.mu.Lock()
	g, waits := c.underWay[key]
	if !waits {
		if c.underWay == nil {
			c.underWay = map[K]*group[T]{}
		}
		g = &group[T]{}
		c.underWay[key] = g
	}
	g.items, g.turns = append(g.items, item), append(g.turns, turn)
	c.mu.Unlock()
	// Not given up when ctx ends: it may be this one's turn.
	if waits && !<-turn {
		return
	}

	runtime.Gosched() // who is about to join is served at once
	c.mu.Lock()
	items, turns := g.items, g.turns
	g.items, g.turns = nil, nil
	c.mu.Unlock()

	serve(context.WithoutCancel(ctx), items)
	for _, t := range turns {
		close(t)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if len(g.turns) == 0 {
		delete(c.underWay, key)
		return
	}
	g.turns[0] <- true
}
