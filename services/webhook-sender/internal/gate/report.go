package gate

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/breaker"
)

// Answered is an answer with where it comes from.
type Answered struct {
	Key    Key
	Answer breaker.Answer
	// Cause is the type of the event that was sent.
	Cause string
}

// Report takes in what became of a request. It asks the server only where that
// changes the state.
func (g *Gate) Report(ctx context.Context, a Answered) {
	view := g.count(a.Key, &a.Answer)
	after := func(s breaker.State) breaker.State { return g.Policy.After(s, a.Answer, g.Now()) }
	if same(view, after(view)) {
		return
	}
	if _, err := g.alter(ctx, a.Key, change{after, a.Cause}); err != nil && ctx.Err() == nil {
		// The next answer says the same again.
		g.Log.Warn().Err(err).Str("owner", a.Key.Owner).Str("endpoint", a.Key.Endpoint).Msg("state of endpoint not stored")
	}
}

// count counts the failures in a row.
func (g *Gate) count(key Key, a *breaker.Answer) breaker.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.Reason == "" {
		delete(g.rows, key)
	} else {
		g.rows[key]++
		a.Row = g.rows[key]
	}
	return g.seen[key].state
}

// Pass says whether a request may be made.
type Pass struct {
	OK bool
	// Probe is true when the request is the probe of an open endpoint: its
	// answer must be reported as one.
	Probe bool
	// NotBefore is when to ask again where it may not.
	NotBefore time.Time

	key   Key
	until time.Time // the probe's
}

// disabledPause is when what waits for a disabled endpoint asks again.
const disabledPause = 10 * time.Second

// Ask asks for a request that is no task of DELIVERIES: a retry, or one in
// order. Of an open endpoint it takes the probe, when it is time for that.
func (g *Gate) Ask(ctx context.Context, key Key) (Pass, error) {
	now := g.Now()
	if p, known := pass(g.State(key), now); known {
		return p, nil
	}
	claimed, until := false, now.Add(g.ProbeTime)
	s, err := g.Change(ctx, key, func(s breaker.State) breaker.State {
		s, claimed = s.Claim(now, until)
		return s
	})
	if err != nil {
		return Pass{}, err
	}
	if claimed {
		return Pass{OK: true, Probe: true, key: key, until: until}, nil
	}
	p, known := pass(s, now)
	if !known {
		p = Pass{NotBefore: now.Add(time.Second)} // it passed meanwhile
	}
	return p, nil
}

// Return is called for a pass with which no request was made. Without it a
// probe would be lost: nothing is sent before the longest time of a request is
// over. Where it fails that is so.
func (g *Gate) Return(ctx context.Context, p Pass) {
	if !p.Probe {
		return
	}
	_, err := g.Change(ctx, p.key, func(s breaker.State) breaker.State { return s.Return(p.until, g.Now()) })
	if err != nil && ctx.Err() == nil {
		g.Log.Info().Err(err).Str("owner", p.key.Owner).Str("endpoint", p.key.Endpoint).Msg("probe not given back")
	}
}

// pass judges a state; known is false where the probe is to be taken.
func pass(s breaker.State, now time.Time) (p Pass, known bool) {
	switch s.Phase {
	case breaker.Open:
		return Pass{NotBefore: s.Probe}, now.Before(s.Probe)
	case breaker.Disabled:
		return Pass{NotBefore: now.Add(disabledPause)}, true
	default:
		return Pass{OK: true}, true
	}
}
