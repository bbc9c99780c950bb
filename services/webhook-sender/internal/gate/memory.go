package gate

import (
	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/streams/backlog"
)

// remembered is how many deliveries of an endpoint are remembered at most.
const remembered = 512

// Remember keeps a delivery at hand that has joined the backlog of an endpoint
// that is given requests: this instance may send it without waiting until the
// floor has reached it, since it knows itself that it was not sent. What is
// forgotten is found in the backlog.
func (g *Gate) Remember(key Key, w backlog.Waiting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !served(g.seen[key].state.Phase) || len(g.memory[key]) >= remembered {
		return
	}
	g.memory[key] = append(g.memory[key], w)
}

// served reports whether the backlog of an endpoint in a phase is worked off.
func served(p breaker.Phase) bool { return p == breaker.Recovering || p == breaker.Closing }

// Remembered gives out what is remembered of an endpoint, oldest first, and
// forgets it.
func (g *Gate) Remembered(key Key) []backlog.Waiting {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := g.memory[key]
	delete(g.memory, key)
	return out
}
