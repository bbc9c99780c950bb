// Package scheduler fires events at a local time of day some days after an
// invoice was delivered, and derives events for platforms that do not send them:
// of an invoice whose due date passed, and of a service without usage. One
// cursor reads what happens and makes plans, which are the truth; timers, made
// from them, wake whoever fires.
//
//	EVENTS ─▶ intake ─▶ matter ─▶ timer ─▶ due? wanted? ─▶ mark ─▶ INBOX ─▶ done
//	             ▲      with plans  ▲ │
//	subscriptions┤          ▲       │ │
//	owners, zones┘          └───────┴─┴─ reconciled at the start and every hour
//
// It refuses to know who receives the events; the matcher does.
package scheduler

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"golang.org/x/time/rate"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/config/plan/wishes"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/intake"
	"github.com/billhook/billhook/services/scheduler/internal/nats"
	"github.com/billhook/billhook/services/scheduler/internal/planning"
	"github.com/billhook/billhook/services/scheduler/internal/turns"
	"github.com/billhook/billhook/services/scheduler/internal/zones"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// moments is at how many due moments an instance works at once.
const moments = 64

// hands is how many invoices are planned for at once.
const hands = 32

// CursorName is the name of the scheduler's cursor.
const CursorName = "scheduler"

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches the buckets owners and subscriptions at least.
	Directory *directory.Directory
	Logger    zerolog.Logger
	Now       func() time.Time
	// Instance names this process in leases.
	Instance string
	// Fault is called with the name of each fault point passed; nil in
	// production.
	Fault func(point string)
}

// Service is one instance of the scheduler.
type Service struct {
	cfg    Config
	deps   Deps
	wishes *wishes.Known
	// derives is what is planned by, wishes what is fired by.
	derives *wishes.Derives
	timer   *stored.Timer
	intake  *intake.Intake
	firer   *firing.Firer
	turns   turns.Turns
	cursor  *cursor.Cursor
	pool    *pool.Pool
	wake    chan struct{}
	ready   chan struct{}
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, deps: deps, wishes: wishes.NewKnown(deps.Directory), timer: stored.NewTimer(deps.JetStream, deps.Now),
		wake: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	names := nats.NewNames(deps.JetStream)
	s.derives = wishes.NewDerives(names)
	invoices := book.New(stored.NewShelf(deps.JetStream))
	s.intake, s.firer = s.newIntake(invoices, names), s.newFirer(invoices)
	s.cursor, s.pool = s.newCursor(), s.newPool()
	return s, nil
}

func (s *Service) newIntake(invoices *book.Book, names *nats.Names) *intake.Intake {
	planner := planning.New(planning.Deps{
		Book: invoices, Timer: s.timer, Zones: zones.New(names),
		Logger: s.deps.Logger, Now: s.deps.Now, Wishes: s.wishes.Of, Derive: s.derives.Of, Hands: hands,
	})
	return intake.New(intake.Settings{
		Planner: planner, Configuration: s.deps.Directory, Carries: carried(s.deps.Catalogue), Derived: s.derives,
		Accounts: s.changes(topology.Accounts), Owners: s.changes(topology.Owners),
		Logger: s.deps.Logger, Now: s.deps.Now, Every: s.cfg.Reconcile, Keep: s.wishes.Keep, Hands: hands,
	})
}

func (s *Service) changes(bucket string) *nats.Changes {
	return nats.NewChanges(s.deps.JetStream, bucket)
}

func (s *Service) newFirer(invoices *book.Book) *firing.Firer {
	events := nats.NewEvents(s.deps.JetStream)
	backlog := nats.NewBacklog(s.deps.JetStream, CursorName, intake.Types(s.deps.Catalogue))
	return firing.New(firing.Deps{
		Book: invoices, Inlet: events, Ledger: events, Unread: intake.NewUnread(backlog), Timer: s.timer, Wanted: s.wishes.Wanted,
		Logger: s.deps.Logger, Now: s.deps.Now, Grace: s.cfg.Grace, Hands: s.cfg.InFlight, Fault: s.deps.Fault,
		Pace: rate.NewLimiter(rate.Limit(s.cfg.LateRate), 1).Wait,
	})
}

// carried tells the tokens that a scheduled event of a kind may carry.
func carried(c *tokens.Catalogue) func(k matter.Kind, token string) bool {
	legal := map[matter.Kind]map[string]bool{}
	for _, k := range []matter.Kind{matter.AfterDelivery, matter.Overdue, matter.Dormant} {
		legal[k] = map[string]bool{}
		for _, t := range c.Carried(k.EventType()) {
			legal[k][t.Name] = true
		}
	}
	return func(k matter.Kind, token string) bool { return legal[k][token] }
}

func (s *Service) newCursor() *cursor.Cursor {
	c := cursor.Config{
		Name: CursorName, Holder: s.deps.Instance, Stream: topology.Events,
		LeaseTTL: s.cfg.Lease, Wake: s.wake, Fault: s.deps.Fault,
	}
	for _, t := range intake.Types(s.deps.Catalogue) {
		c.Filters = append(c.Filters, subject.EventsOfType(t))
	}
	return cursor.New(c, s.intake, cursor.Deps{JS: s.deps.JetStream, Logger: s.deps.Logger, Now: s.deps.Now})
}

func (s *Service) newPool() *pool.Pool {
	c := pool.Config{Durables: []topology.Durable{topology.SchedulerDurable()}, InFlight: moments}
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
	for _, bucket := range []string{topology.Accounts, topology.Owners} {
		working.Go(func() { s.follow(ctx, s.changes(bucket)) })
	}
	working.Go(func() { s.announce(ctx) })
	working.Go(func() {
		// It returns nil when the tasks are settled.
		_ = s.pool.Run(ctx, func(ctx context.Context, t *pool.Task) {
			s.begin(ctx, t, &firing)
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
		s.wakeCursor()
	}
}

func (s *Service) wakeCursor() {
	select {
	case s.wake <- struct{}{}:
	default: // one is waiting already
	}
}

// follow wakes the cursor when something of a bucket changes. What it missed is
// found when it follows again, since the cursor looks from where it was.
func (s *Service) follow(ctx context.Context, c *nats.Changes) {
	for ctx.Err() == nil {
		if err := c.Follow(ctx, s.wakeCursor); err != nil {
			s.deps.Logger.Warn().Err(err).Msg("changes not followed; trying again")
			s.wakeCursor() // for what was missed, also where it cannot be followed at all
			pause(ctx, pauseMost)
		}
	}
}

// announce closes ready when everything works.
func (s *Service) announce(ctx context.Context) {
	if process.Await(ctx, s.cursor.Ready(), s.pool.Ready()) {
		close(s.ready)
	}
}
