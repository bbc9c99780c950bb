// Package carrier is the frame of a service that delivers a channel, the same
// for every channel: it has what needs no order taken from a pool, what is
// ordered delivered from slots, questions answered and owners told; and it ends
// all of it in the one order in which nothing is lost:
//
//	nothing new is taken ─▶ what is under way ends ─▶ what became of it is recorded
//
// It refuses to know how a delivery is sent.
package carrier

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/slots"
	"github.com/billhook/billhook/streams/topology"
)

// Config says what is carried.
type Config struct {
	Channel delivery.Channel
	// Service begins the names of leases, Instance names this instance among
	// all others; both are identifiers.
	Service, Instance string
	// Partitions is the number in the streams' metadata.
	Partitions int
	// InFlight bounds the deliveries of one partition that this instance holds.
	InFlight int
	// Live bounds the ordered subscriptions at work, Lease is how long those of
	// an instance that died wait for another one.
	Live  int
	Lease time.Duration
	// Drain is how long what is under way may take at the end of a run.
	Drain time.Duration
}

// Deps are what a carrier is given.
type Deps struct {
	JS jetstream.JetStream
	// Desk records what became of deliveries, Notices tells owners of it; the
	// carrier runs both.
	Desk    *settle.Desk
	Notices *notice.Desk
	// Source has the ordered subscriptions, Deliverer delivers theirs.
	Source    slots.Source
	Deliverer series.Deliverer
	Log       zerolog.Logger
	Now       func() time.Time
	// Fault is called at the fault points of a test build; nil in production.
	Fault func(point string)
}

// Carrier delivers a channel, beside any number of other instances.
type Carrier struct {
	deps  Deps
	pool  *pool.Pool
	slots *slots.Slots
	ready chan struct{}
}

// New returns a carrier that does nothing until [Carrier.Run].
func New(cfg Config, deps Deps) *Carrier {
	c := &Carrier{deps: deps, ready: make(chan struct{})}
	c.pool = pool.New(pool.Config{
		Durables: topology.DurablesOf(cfg.Channel, cfg.Partitions), InFlight: cfg.InFlight, Drain: cfg.Drain,
	}, pool.Deps{JS: deps.JS, Logger: deps.Log})
	c.slots = slots.New(slots.Config{
		Channel: cfg.Channel, Service: cfg.Service, Holder: cfg.Instance,
		Live: cfg.Live, Lease: cfg.Lease, Drain: cfg.Drain,
	}, slots.Deps{
		JS: deps.JS, Source: deps.Source, Log: deps.Log,
		Series: series.Deps{
			JS: deps.JS, Deliverer: deps.Deliverer, Desk: deps.Desk,
			Log: deps.Log, Now: deps.Now, Fault: deps.Fault, OnGivenUp: c.tell,
		},
	})
	return c
}

// tell has the owner hear of an ordered delivery that was given up, or that
// stopped its subscription.
func (c *Carrier) tell(o *delivery.Outcome) {
	n := notice.Paused(o)
	if o.Result == delivery.Parked {
		n = notice.Parked(o)
	}
	c.deps.Notices.Raise(n)
}

// Instances returns how many instances of the service there are, see
// [slots.Slots.Instances].
func (c *Carrier) Instances() int { return c.slots.Instances() }

// Ready is closed once all deliveries are being read and questions are heard.
func (c *Carrier) Ready() <-chan struct{} { return c.ready }

// Run delivers until ctx ends. Then nothing new is taken, what waits is given
// back, and what is under way has the time of Config.Drain to end; it is
// recorded in any case. Run returns when everything has ended. It may be called
// once. What open returns may work under life, which outlasts all taking.
func (c *Carrier) Run(ctx context.Context, open func(life context.Context) Crew) {
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	recording, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	crew := open(life)
	var beside, taking sync.WaitGroup
	beside.Go(func() { _ = c.deps.Desk.Run(recording) }) // returns nil
	beside.Go(func() { _ = c.deps.Notices.Run(recording) })
	beside.Go(func() {
		<-ctx.Done()
		crew.Sender.Drain()
	})
	if crew.States != nil {
		beside.Go(func() { crew.States.Run(recording) })
		process.Await(ctx, crew.States.Ready())
	}
	heard := make(chan struct{})
	taking.Go(func() { crew.Answerer.Serve(ctx, c.deps.JS.Conn(), func() { close(heard) }) })
	taking.Go(func() { _ = c.pool.Run(ctx, crew.Sender.Take) }) // returns nil
	taking.Go(func() { _ = c.slots.Run(ctx) })
	for _, work := range crew.Beside {
		taking.Go(func() { work(ctx) })
	}
	taking.Go(func() {
		if process.Await(ctx, c.pool.Ready(), c.slots.Ready(), heard) {
			close(c.ready)
		}
	})
	taking.Wait()
	cut() // what is still under way was given back
	crew.Sender.Stop()
	end()
	beside.Wait()
}
