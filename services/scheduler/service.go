// Package scheduler fires events at a local time of day some days after an
// invoice was delivered. One cursor reads the deliveries and makes plans, which
// are the truth; timers, made from them, wake whoever fires.
//
//	EVENTS ─▶ intake ─▶ plan ─▶ timer ─▶ due? wanted? ─▶ mark ─▶ INBOX ─▶ done
//	             ▲        ▲       ▲ │
//	subscriptions┘        └───────┴─┴─ reconciled at the start and every hour
//
// It refuses to know who receives the events; the matcher does.
package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/scheduler/internal/book"
	"github.com/billhook/billhook/services/scheduler/internal/due"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/intake"
	"github.com/billhook/billhook/services/scheduler/internal/nats"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/wishes"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// CursorName is the name of the scheduler's cursor.
const CursorName = "scheduler"

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches the buckets owners and subscriptions at least.
	Directory *directory.Directory
	Accounts  zones.Accounts
	Logger    zerolog.Logger
	Now       func() time.Time
	// Instance names this process in leases.
	Instance   string
	Partitions int
	// Fault is called with the name of each fault point passed; nil in
	// production.
	Fault func(point string)
}

// Service is one instance of the scheduler.
type Service struct {
	cfg    Config
	deps   Deps
	intake *intake.Intake
	firer  *firing.Firer
	cursor *cursor.Cursor
	pool   *pool.Pool
	wake   chan struct{}
	ready  chan struct{}
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, deps: deps, wake: make(chan struct{}, 1), ready: make(chan struct{})}
	plans, timer, events := book.New(nats.NewShelf(deps.JetStream)), nats.NewTimer(deps.JetStream), nats.NewEvents(deps.JetStream)
	planner := planning.New(planning.Deps{
		Book: plans, Timer: timer, Zones: zones.New(deps.Accounts, nats.NewOwners(deps.JetStream, deps.Directory)),
		Logger: deps.Logger, Now: deps.Now, Carries: carried(deps.Catalogue),
	})
	s.intake = intake.New(intake.Settings{
		Planner: planner, Configuration: deps.Directory, Log: events, Logger: deps.Logger, Now: deps.Now,
		Every: cfg.Reconcile, Keep: cfg.Keep,
	})
	s.firer = firing.New(firing.Deps{
		Book: plans, Inlet: events, Ledger: events, Timer: timer, Wanted: s.wanted,
		Logger: deps.Logger, Now: deps.Now, Grace: cfg.Grace, Fault: deps.Fault,
	})
	s.cursor, s.pool = s.newCursor(), s.newPool()
	return s, nil
}

// carried tells the tokens that a scheduled event may carry.
func carried(c *tokens.Catalogue) func(token string) bool {
	legal := map[string]bool{}
	for _, t := range c.Carried(plan.EventType) {
		legal[t.Name] = true
	}
	return func(token string) bool { return legal[token] }
}

func (s *Service) wanted(owner string, rule due.Rule) bool {
	_, ok := wishes.Of(s.deps.Directory.Owner(owner))[rule]
	return ok
}

func (s *Service) newCursor() *cursor.Cursor {
	c := cursor.Config{
		Name: CursorName, Holder: s.deps.Instance, Stream: topology.Events,
		LeaseTTL: s.cfg.Lease, Wake: s.wake, Fault: s.deps.Fault,
	}
	for _, t := range intake.Types() {
		c.Filters = append(c.Filters, subject.EventsOfType(t))
	}
	return cursor.New(c, s.intake, cursor.Deps{JS: s.deps.JetStream, Logger: s.deps.Logger, Now: s.deps.Now})
}

func (s *Service) newPool() *pool.Pool {
	c := pool.Config{Stream: topology.Schedules, InFlight: s.cfg.InFlight}
	for _, d := range topology.Durables(topology.Settings{Partitions: s.deps.Partitions}) {
		if d.Config.Durable == topology.SchedulerDue {
			c.Durables = append(c.Durables, d.Config)
		}
	}
	return pool.New(c, pool.Deps{JS: s.deps.JetStream, Logger: s.deps.Logger})
}

// Ready is closed once the deliveries are read, by this instance or another,
// and due plans are fired.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run plans and fires until ctx ends. It returns nil when everything it
// started has ended. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	var working, firing sync.WaitGroup
	working.Go(func() { _ = s.cursor.Run(ctx) }) // returns nil
	working.Go(func() { s.waken(ctx) })
	working.Go(func() { s.announce(ctx) })
	working.Go(func() {
		// It returns nil when the tasks are settled.
		_ = s.pool.Run(ctx, func(ctx context.Context, t *pool.Task) {
			firing.Go(func() { s.due(ctx, t) })
		})
	})
	working.Wait()
	firing.Wait()
	return nil
}

// waken wakes the cursor when the configuration changes, and now and then so
// that it reconciles in time.
func (s *Service) waken(ctx context.Context) {
	changes, end := s.deps.Directory.Changes()
	defer end()
	ticker := time.NewTicker(s.cfg.Reconcile)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-ticker.C:
		}
		select {
		case s.wake <- struct{}{}:
		default: // one is waiting already
		}
	}
}

// announce closes ready when everything works.
func (s *Service) announce(ctx context.Context) {
	for _, part := range []<-chan struct{}{s.cursor.Ready(), s.pool.Ready()} {
		select {
		case <-part:
		case <-ctx.Done():
			return
		}
	}
	close(s.ready)
}
