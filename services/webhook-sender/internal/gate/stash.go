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

// group are the stashes of one endpoint. One leading reading serves all that
// came before it began.
type group struct {
	waiting []*slip
	busy    bool
}

// slip is a stash that waits. turn receives true when its holder is to serve
// all that wait, or is closed when the answer is there.
type slip struct {
	Stash
	turn chan bool
	ok   bool
	err  error
}

// Stash reports whether a delivery has joined the backlog: then, and only then,
// its task may be acknowledged unsent. Without an error and not in the backlog
// it is to be sent.
func (g *Gate) Stash(ctx context.Context, key Key, s Stash) (bool, error) {
	p := &slip{Stash: s, turn: make(chan bool, 1)}
	g.mu.Lock()
	gr := g.groups[key]
	if gr == nil {
		gr = &group{}
		g.groups[key] = gr
	}
	gr.waiting = append(gr.waiting, p)
	if !gr.busy {
		gr.busy = true
		p.turn <- true
	}
	g.mu.Unlock()
	// Not given up when ctx ends: it may be this one's turn, and each turn is
	// bounded.
	if mine := <-p.turn; mine {
		g.serve(context.WithoutCancel(ctx), key)
	}
	return p.ok, p.err
}

// serve answers all that wait, and hands the turn on.
func (g *Gate) serve(ctx context.Context, key Key) {
	g.mu.Lock()
	slips := g.groups[key].waiting
	g.groups[key].waiting = nil
	g.mu.Unlock()

	s, err := g.Change(ctx, key, func(s breaker.State) breaker.State { return join(s, slips) })
	for _, p := range slips {
		p.ok, p.err = err == nil && s.Holds(p.Subscription, p.Seq), err
		close(p.turn)
	}

	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil && s.Absorbs() {
		g.waiting[key] = true
		g.signal()
	}
	gr := g.groups[key]
	if len(gr.waiting) == 0 {
		delete(g.groups, key)
		return
	}
	gr.waiting[0].turn <- true
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
