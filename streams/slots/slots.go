// Package slots has the in-order subscriptions of a channel delivered, each by
// one instance at a time, by as many instances as there are. Subscriptions are
// divided into slots; who holds the lease of a slot runs the series of its
// subscriptions, each only while it has something to do:
//
//	configuration ─▶ slots wanted ─▶ leases, shared fairly ─▶ idle subscriptions
//	                                                              │  ▲
//	             events that match, controls, retries due ─▶ woken│  │at rest
//	                                                              ▼  │
//	                                              a bounded number of series at work, places shared fairly by owners
//
// An idle subscription costs a small struct and nothing at the server. It
// refuses to deliver, which is the series', and it makes nothing safe: two
// instances that both believe to hold a slot are told apart by the fence of
// each series.
package slots

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/places"
	"github.com/billhook/billhook/streams/series"
)

// Subscription is an in-order subscription as the configuration has it now. The
// filters of its plan are made by EventsOfOwner of package
// subject, one for each type.
type Subscription struct {
	series.Key
	Plan    series.Plan
	Control series.Control
	// Stamp is another one, by ==, whenever Plan or Control is.
	Stamp any
}

// Source is where the in-order subscriptions are found.
type Source interface {
	// Subscriptions returns all of them.
	Subscriptions() []Subscription
	// Changes returns a channel that receives after a change, and how to end
	// it.
	Changes() (<-chan struct{}, func())
}

// Defaults of [Config].
const (
	DefaultLive  = 256
	DefaultLease = 4 * time.Second
	DefaultDrain = 20 * time.Second
)

// Config says whose slots they are.
type Config struct {
	Channel delivery.Channel
	// Service begins the names of the leases, Holder names this instance
	// among all others; both are checked identifiers.
	Service, Holder string
	// Live is the greatest number of series at work; 0 means [DefaultLive].
	Live int
	// Lease is how long a dead instance blocks its followers; 0 means
	// [DefaultLease].
	Lease time.Duration
	// Drain is how long requests under way may take when a slot is given back;
	// 0 means [DefaultDrain].
	Drain time.Duration
	// Series are the limits of each one.
	Series series.Limits
}

// Deps are what the slots are given. Series is passed on to every series.
type Deps struct {
	JS     jetstream.JetStream
	Source Source
	Series series.Deps
	Log    zerolog.Logger
}

// Slots are one instance's part in delivering the in-order subscriptions.
type Slots struct {
	cfg   Config
	deps  Deps
	ready chan struct{}

	mu      sync.Mutex
	wanted  map[series.Key]Subscription
	bySlot  map[int][]series.Key
	held    map[int]*holding
	entries map[series.Key]*entry
	places  *places.Places[*entry] // those that were woken wait for them
	// live are those at work, crowded is what they were told: that others wait.
	live    map[*entry]struct{}
	crowded bool
	members int // instances, as last seen
	// byFilter are the entries by each of their filters.
	byFilter map[string]map[*entry]struct{}
	// tailed is up to where the tail has read; 0 while there is none.
	tailed  uint64
	tailing bool
	// fresh are the entries that nobody has looked for events for; scan has
	// them looked at.
	fresh []*entry
	scan  chan struct{}
}

// New returns slots that hold nothing until [Slots.Run].
func New(cfg Config, deps Deps) *Slots {
	if cfg.Live <= 0 {
		cfg.Live = DefaultLive
	}
	if cfg.Lease <= 0 {
		cfg.Lease = DefaultLease
	}
	if cfg.Drain <= 0 {
		cfg.Drain = DefaultDrain
	}
	return &Slots{
		cfg: cfg, deps: deps, ready: make(chan struct{}), scan: make(chan struct{}, 1),
		wanted: map[series.Key]Subscription{}, bySlot: map[int][]series.Key{},
		held: map[int]*holding{}, places: places.New[*entry](), live: map[*entry]struct{}{}, entries: map[series.Key]*entry{}, byFilter: map[string]map[*entry]struct{}{},
	}
}

// Ready is closed once the configuration was read for the first time.
func (s *Slots) Ready() <-chan struct{} { return s.ready }

// Instances returns how many instances there are of the service, this one
// included, as it was seen within about a second; after the death of one, a
// lease later. It is 1 before Run has looked for the first time.
func (s *Slots) Instances() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1, s.members)
}

// Run holds slots and has their subscriptions delivered until ctx ends. Then it
// lets what is under way end, gives the slots back, and returns nil when
// everything it started has ended. It may be called once.
func (s *Slots) Run(ctx context.Context) error {
	changes, end := s.deps.Source.Changes()
	defer end()
	var beside sync.WaitGroup
	beside.Go(func() { s.look(ctx) })
	s.refresh() //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
	close(s.ready)
	life, endLife := context.WithCancel(context.WithoutCancel(ctx))
	defer endLife()
	roster := newRoster(life, s)
	for ctx.Err() == nil {
		roster.round(ctx)
		s.await(ctx, changes)
	}
	roster.leave()
	beside.Wait()
	return nil
}

// roundEvery is how often leases are looked at. With the lease it bounds how
// long the subscriptions of a dead instance wait.
const roundEvery = 500 * time.Millisecond

// await waits for the next round and takes in what changes until then.
func (s *Slots) await(ctx context.Context, changes <-chan struct{}) {
	// Instances that start together do not stay in step.
	timer := time.NewTimer(roundEvery - rand.N(roundEvery/5)) //nolint:gosec // chance, not a secret
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case <-changes:
			s.refresh() //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
		}
	}
}

// refresh takes in the configuration.
func (s *Slots) refresh() {
	list := s.deps.Source.Subscriptions()
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.wanted
	s.wanted, s.bySlot = make(map[series.Key]Subscription, len(list)), map[int][]series.Key{}
	for _, sub := range list {
		slot := sub.Slot()
		s.wanted[sub.Key] = sub
		s.bySlot[slot] = append(s.bySlot[slot], sub.Key)
		h := s.held[slot]
		if h == nil || !h.entered {
			continue
		}
		if e := s.entries[sub.Key]; e == nil {
			s.wake(s.add(h, sub)) // it is new: its series finds out what there is
		} else if e.sub.Stamp != sub.Stamp {
			s.renew(e, sub)
			s.wake(e)
		}
	}
	for key := range before {
		if _, ok := s.wanted[key]; !ok && s.entries[key] != nil {
			s.drop(s.entries[key])
		}
	}
}
