package gate

import (
	"context"

	"github.com/billhook/billhook/config/breaker"
)

// Stash is a delivery that should join the backlog of its endpoint.
type Stash struct {
	Subscription string
	// Seq is the delivery's sequence in DELIVERIES.
	Seq uint64
	// Divert makes the state absorb where it does not; nil leaves it.
	Divert func(breaker.State) breaker.State
}

// slip is a stash that waits, and its answer.
type slip struct {
	Stash
	ok  bool
	err error
}

// Stash reports whether a delivery has joined the backlog: then, and only then,
// its task may be acknowledged unsent. Without an error and not in the backlog
// it is to be sent. Stashes of an endpoint that come at once are written together.
func (g *Gate) Stash(ctx context.Context, key Key, s Stash) (bool, error) {
	p := &slip{Stash: s}
	g.stashes.Join(ctx, key, p, func(ctx context.Context, all []*slip) { g.stash(ctx, key, all) })
	return p.ok, p.err
}

func (g *Gate) stash(ctx context.Context, key Key, slips []*slip) {
	s, err := g.Change(ctx, key, func(s breaker.State) breaker.State { return join(s, slips) })
	for _, p := range slips {
		p.ok, p.err = err == nil && s.Holds(p.Subscription, p.Seq), err
	}
	if err == nil && s.Absorbs() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.waiting[key] = true
		g.signal()
	}
}

// join puts stashes into the backlog of a state that absorbs.
func join(s breaker.State, slips []*slip) breaker.State {
	for _, p := range slips {
		if !s.Absorbs() && p.Divert != nil {
			s = p.Divert(s)
		}
	}
	if !s.Absorbs() {
		return s
	}
	for _, p := range slips {
		if !s.Holds(p.Subscription, p.Seq) {
			s = s.Hold(p.Subscription, p.Seq)
		}
	}
	return s
}
