// Package gate says whether an endpoint is given requests now, and has what
// comes for one that is not join its backlog. The states are stored, so that
// they survive a restart and are the same for all instances: each instance
// watches them and changes them by compare-and-set.
//
// A delivery joins the backlog ("stashed") when its task is acknowledged
// unsent. That is done only after the leader was read and said that the state
// absorbs: a watched view may be stale. See docs/decisions/0016-breaker.md for
// why nothing is lost.
package gate

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/watch"
	"github.com/billhook/billhook/shared/convoy"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Key names an endpoint.
type Key struct{ Owner, Endpoint string }

func (k Key) String() string { return setup.Key(k.Owner, k.Endpoint) }

// Part is the partition of the endpoint's deliveries among n.
func (k Key) Part(n int) int { return subject.Partition(k.Owner, n) }

// Backlog tells up to which sequence a partition's deliveries are settled.
type Backlog interface {
	Floor(ctx context.Context, part int) (uint64, error)
}

// Notices tells owners of what goes wrong. It does not block.
type Notices interface{ Raise(n notice.Notice) }

// Settings are the parts of a gate.
type Settings struct {
	JetStream jetstream.JetStream
	Policy    breaker.Policy
	Backlog   Backlog
	// Partitions is the number in the streams' metadata.
	Partitions int
	// ProbeTime is the longest time of one request with what is stored of it.
	ProbeTime time.Duration
	Notices   Notices
	Now       func() time.Time
	Log       zerolog.Logger
}

// Gate holds the states. It may be used by many goroutines.
type Gate struct {
	Settings
	bucket  *bucket.Bucket
	ready   chan struct{}
	stashes convoy.Convoys[Key, slip]

	mu sync.Mutex
	// seen are the states that are not the default one, watched is the newest
	// revision of all that was watched: up to there, what is not seen is not.
	seen    map[Key]seen
	watched uint64
	rows    map[Key]int  // failures in a row, of this instance
	waiting map[Key]bool // endpoints whose backlog has something new
	memory  map[Key][]backlog.Waiting
	changed chan struct{}
}

// seen is a state as it was last seen. It may be the default one, until the
// watch says so too.
type seen struct {
	state    breaker.State
	revision uint64
}

// New returns a gate that knows nothing until [Gate.Run].
func New(s Settings) *Gate {
	return &Gate{
		Settings: s, bucket: bucket.Open(s.JetStream, topology.EndpointState), ready: make(chan struct{}),
		seen: map[Key]seen{}, rows: map[Key]int{}, waiting: map[Key]bool{},
		memory:  map[Key][]backlog.Waiting{},
		changed: make(chan struct{}, 1),
	}
}

// Ready is closed once all states are known.
func (g *Gate) Ready() <-chan struct{} { return g.ready }

// Run watches the states until ctx ends.
func (g *Gate) Run(ctx context.Context) {
	f := &watch.Follower{
		JetStream: g.JetStream, Bucket: topology.EndpointState, Logger: g.Log,
		Take: g.take, Loaded: func() { close(g.ready) },
	}
	f.Run(ctx)
}

func (g *Gate) take(c watch.Change) {
	var key Key
	key.Owner, key.Endpoint = setup.Split(c.Key)
	s := seen{g.parse(key, c.Value), c.Revision}
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Revision > 0 {
		g.watched = c.Revision
	}
	switch {
	case c.Value != nil:
		g.keep(key, s)
	case c.Revision == 0 || g.seen[key].revision <= c.Revision:
		delete(g.seen, key)
		delete(g.rows, key)
		delete(g.memory, key)
		g.signal()
	}
}

// parse reads a stored state. One that cannot be read is as good as none: what
// waits there is found by no one else, so it is said aloud.
func (g *Gate) parse(key Key, value []byte) breaker.State {
	if value == nil {
		return breaker.State{}
	}
	s, err := breaker.Parse(value)
	if err != nil {
		g.Log.Error().Err(err).Str("owner", key.Owner).Str("endpoint", key.Endpoint).Msg("state of endpoint not understood")
	}
	return s
}

// see takes in a state that was read or written beside the watch.
func (g *Gate) see(key Key, s seen) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, known := g.seen[key]; known || s.revision > g.watched {
		g.keep(key, s)
	}
}

// keep takes in a state unless a newer one is known. The lock is held.
func (g *Gate) keep(key Key, s seen) {
	if s.revision < g.seen[key].revision {
		return
	}
	g.seen[key] = s
	if !served(s.state.Phase) {
		delete(g.memory, key)
	}
	g.signal()
}

func (g *Gate) signal() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// Changed receives when a state changed or a backlog got something new.
func (g *Gate) Changed() <-chan struct{} { return g.changed }

// State is the state of an endpoint as it was last seen.
func (g *Gate) State(key Key) breaker.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen[key].state
}

// Away are the endpoints that are not in the default state, and whether
// something new waits for them.
func (g *Gate) Away() (states map[Key]breaker.State, fresh map[Key]bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	states = map[Key]breaker.State{}
	for key, s := range g.seen {
		if s.state.Phase != breaker.Closed {
			states[key] = s.state
		}
	}
	fresh, g.waiting = g.waiting, map[Key]bool{}
	return states, fresh
}

// Fresh reads a state from the leader, with the revision for [Gate.Swap].
func (g *Gate) Fresh(ctx context.Context, key Key) (breaker.State, uint64, error) {
	e, err := g.bucket.Get(ctx, key.String())
	if err != nil {
		return breaker.State{}, 0, err
	}
	s := g.parse(key, e.Value)
	g.see(key, seen{s, e.Revision})
	return s, e.Revision, nil
}

// Change changes a state by compare-and-set and returns what is stored then.
// It has read the leader when it returns without an error.
func (g *Gate) Change(ctx context.Context, key Key, to func(breaker.State) breaker.State) (breaker.State, error) {
	return g.alter(ctx, key, change{to: to})
}

// change is a change with the type of the event whose delivery led to it.
type change struct {
	to    func(breaker.State) breaker.State
	cause string
}

func (g *Gate) alter(ctx context.Context, key Key, c change) (breaker.State, error) {
	for {
		former, revision, err := g.Fresh(ctx, key)
		if err != nil {
			return breaker.State{}, err
		}
		next := c.to(former)
		if same(former, next) {
			return former, nil
		}
		next, err = g.Swap(ctx, key, Step{From: former, To: next, Revision: revision, Cause: c.cause})
		if fault.KindOf(err) != fault.Conflict || ctx.Err() != nil {
			return next, err
		}
	}
}

// Step is a change of a state that was read at a revision.
type Step struct {
	From, To breaker.State
	Revision uint64
	// Cause is the type of the event whose delivery led here; may be empty.
	Cause string
}

// Swap stores a state if the revision is still the newest; the error is of
// kind Conflict when it is not.
func (g *Gate) Swap(ctx context.Context, key Key, s Step) (breaker.State, error) {
	next := s.To
	if next.Absorbs() && next.From == 0 {
		// Read before it is stored: whatever is not settled now is behind it.
		floor, err := g.Backlog.Floor(ctx, key.Part(g.Partitions))
		if err != nil {
			return breaker.State{}, err
		}
		next.From = floor + 1
	}
	value, err := next.Encode()
	if err != nil {
		return breaker.State{}, fault.New(fault.Internal, "encode state", key.String(), err)
	}
	var revision uint64
	if value == nil {
		next = breaker.State{}
		revision, err = g.bucket.Delete(ctx, key.String(), s.Revision)
	} else {
		revision, err = g.bucket.Put(ctx, key.String(), value, s.Revision)
	}
	if err != nil {
		return breaker.State{}, err
	}
	g.see(key, seen{next, revision})
	g.tell(key, move{s.From, next, revision, s.Cause})
	return next, nil
}

func same(a, b breaker.State) bool {
	x, _ := a.Encode() // states always encode
	y, _ := b.Encode()
	return bytes.Equal(x, y)
}
