// Package matcher finds out who wants an event: one cursor per partition reads
// EVENTS and writes to DELIVERIES one reference for each subscription that
// matches. It refuses to send, and to read what an event is rendered into;
// the senders do that.
package matcher

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/services/matcher/internal/nats"
	"github.com/billhook/billhook/services/matcher/internal/partition"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches the bucket subscriptions at least.
	Directory *directory.Directory
	Logger    zerolog.Logger
	Now       func() time.Time
	// Instance names this process in leases.
	Instance   string
	Partitions int
	// Fault is called with the name of each fault point passed; nil in
	// production.
	Fault func(point string)
}

// Service is one instance of the matcher.
type Service struct {
	cfg   Config
	deps  Deps
	ready chan struct{}
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, deps: deps, ready: make(chan struct{})}, nil
}

// Ready is closed once every partition is held, by this instance or another.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run matches events until ctx ends. It returns nil when everything it started
// has ended. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	var working sync.WaitGroup
	cursors, neighbours := make([]*cursor.Cursor, s.deps.Partitions), &cursor.Neighbours{}
	for part := range s.deps.Partitions {
		changes, end := s.deps.Directory.Changes()
		defer end()
		cursors[part] = s.cursor(part, neighbours, changes)
		working.Go(func() { _ = cursors[part].Run(ctx) }) // returns nil
	}
	working.Go(func() { s.announce(ctx, cursors) })
	working.Wait()
	return nil
}

func (s *Service) cursor(part int, neighbours *cursor.Neighbours, changes <-chan struct{}) *cursor.Cursor {
	handler := partition.New(partition.Settings{
		Part: part, Configuration: s.deps.Directory, Journal: nats.NewJournal(s.deps.JetStream, part),
		Builder: index.Builder{Subscribable: s.subscribable}, Logger: s.deps.Logger.With().Int("part", part).Logger(),
		Fault: s.deps.Fault,
	})
	return cursor.New(cursor.Config{
		Name: nats.CursorName(part), Holder: s.deps.Instance,
		Stream: topology.Events, Filters: []string{subject.EventsPart(part)}, Fence: nats.Fence(part),
		Lanes:    cursor.ByOwner(part, subject.EventsOf, s.cfg.Spread, neighbours),
		BatchMax: s.cfg.Batch, LeaseTTL: s.cfg.Lease, Wake: changes, Fault: s.deps.Fault,
	}, handler, cursor.Deps{JS: s.deps.JetStream, Logger: s.deps.Logger, Now: s.deps.Now})
}

func (s *Service) subscribable(eventType string) bool {
	e, ok := s.deps.Catalogue.Event(eventType)
	return ok && e.Subscribable()
}

// announce closes ready when every cursor is ready.
func (s *Service) announce(ctx context.Context, cursors []*cursor.Cursor) {
	if cursor.Await(ctx, cursors) {
		close(s.ready)
	}
}
