// Package pool reads streams out of order, shared by any number of instances:
// durable pull consumers, each message a task that stays in progress until it
// is settled. It refuses to be a timer: a task that must wait is stored
// elsewhere and settled, since it takes one of the places of its consumer.
package pool

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/topology"
)

// Defaults of [Config].
const (
	DefaultInFlight = 256
	DefaultDrain    = 10 * time.Second
)

// Config says which durable consumers a pool reads.
type Config struct {
	// Durables are the consumers, of any streams. One that does not exist is
	// made.
	Durables []topology.Durable
	// InFlight bounds the unsettled tasks of each consumer in this instance;
	// 0 means [DefaultInFlight]. The consumer's MaxAckPending bounds those of
	// all instances.
	InFlight int
	// Drain bounds how long tasks may still be settled after the end of Run's
	// context; 0 means [DefaultDrain].
	Drain time.Duration
}

// Deps are what a pool is given.
type Deps struct {
	JS     jetstream.JetStream
	Logger zerolog.Logger
}

// Pool reads durable consumers.
type Pool struct {
	cfg   Config
	deps  Deps
	ready chan struct{}
}

// New returns a pool that does nothing until [Pool.Run].
func New(cfg Config, deps Deps) *Pool {
	if cfg.InFlight == 0 {
		cfg.InFlight = DefaultInFlight
	}
	if cfg.Drain == 0 {
		cfg.Drain = DefaultDrain
	}
	return &Pool{cfg: cfg, deps: deps, ready: make(chan struct{})}
}

// Ready is closed once all consumers are being read.
func (p *Pool) Ready() <-chan struct{} { return p.ready }

// Run calls handle for each message, for one message of a consumer at a time:
// handle must not block, it takes the task and returns. Nothing new is read
// once ctx has ended; tasks then have the time of Config.Drain to be settled,
// those left are released, the context of the tasks ends, and Run returns nil.
// It may be called once.
func (p *Pool) Run(ctx context.Context, handle func(context.Context, *Task)) error {
	tasks, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var opened, lanes, ticking sync.WaitGroup
	all := make([]*lane, len(p.cfg.Durables))
	for i, durable := range p.cfg.Durables {
		l := &lane{
			inFlight: p.cfg.InFlight, stream: durable.Stream, durable: durable.Config, js: p.deps.JS,
			log:    p.deps.Logger.With().Str("consumer", durable.Config.Durable).Logger(),
			handle: func(t *Task) { handle(tasks, t) }, desk: &desk{nc: p.deps.JS.Conn()},
			open: make(map[uint64]*Task), settled: make(chan struct{}, 1),
		}
		all[i] = l
		opened.Add(1)
		lanes.Go(func() { l.run(ctx, sync.OnceFunc(opened.Done)) })
	}
	ticking.Go(func() { p.tick(tasks, all) })
	lanes.Go(func() {
		opened.Wait()
		close(p.ready)
	})
	lanes.Wait()
	p.drain(all)
	end()
	ticking.Wait()
	return nil
}

// tick gives the sign of life of every unsettled task in time.
func (p *Pool) tick(ctx context.Context, lanes []*lane) {
	timer := time.NewTimer(tickEvery(lanes))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-timer.C:
			for _, l := range lanes {
				l.signs(now)
			}
			timer.Reset(tickEvery(lanes))
		}
	}
}

// tickEvery is a quarter of the shortest AckWait: a sign goes out when the
// last one is older than that, so before half of it has passed.
func tickEvery(lanes []*lane) time.Duration {
	shortest := serverAckWait
	for _, l := range lanes {
		shortest = min(shortest, l.ackWait())
	}
	return shortest / 4
}

// drain waits for the tasks to be settled, and releases the rest.
func (p *Pool) drain(lanes []*lane) {
	timer := time.NewTimer(p.cfg.Drain)
	defer timer.Stop()
	for _, l := range lanes {
		for l.unsettled() > 0 {
			select {
			case <-l.settled:
				continue
			case <-timer.C:
			}
			for _, l := range lanes {
				l.releaseAll()
			}
			return
		}
	}
}
