// Package ingest takes events in: over NATS, where platforms publish them to
// INBOX, and over HTTP, which is stored in INBOX before it is answered. One
// cursor per partition of INBOX judges every message and is the only writer of
// EVENTS, so an owner's events keep the order in which they were acknowledged.
// What breaks a rule goes to REJECTED with its reason. The package refuses to
// know who wants an event.
package ingest

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owners"
	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/inbox"
	"github.com/billhook/billhook/services/ingest/internal/inlet"
	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches the bucket owners at least.
	Directory *directory.Directory
	Accounts  *accounts.Accounts
	Callers   *caller.Desk
	Logger    zerolog.Logger
	Now       func() time.Time
	// Instance names this process in leases.
	Instance   string
	Partitions int
	// Notices tells owners of what is refused; the service runs it.
	Notices *notice.Desk
	// Fault is called with the name of each fault point passed; nil in
	// production.
	Fault func(point string)
}

// Service is one instance of ingest.
type Service struct {
	cfg      Config
	deps     Deps
	inlet    *inlet.Inlet
	gatherer *gather.Gatherer
	cursors  []*cursor.Cursor
	ready    chan struct{}
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	known := owners.New(deps.Directory, deps.JetStream)
	judge := admission.New(rules.New(deps.Catalogue), deps.Accounts)
	gatherer := gather.New(deps.JetStream, topology.Inbox)
	s := &Service{
		cfg: cfg, deps: deps, gatherer: gatherer, ready: make(chan struct{}),
		inlet: inlet.New(inlet.Deps{
			Callers: deps.Callers, Owners: known, Admission: judge, Publisher: inbox.NewPublisher(gatherer),
			Logger: deps.Logger, Now: deps.Now,
		}),
	}
	neighbours := &cursor.Neighbours{}
	for part := range deps.Partitions {
		s.cursors = append(s.cursors, s.cursor(part, neighbours, inbox.Deps{
			JS: deps.JetStream, Owners: known, Admission: judge, Notices: deps.Notices, Logger: deps.Logger,
		}))
	}
	return s, nil
}

func (s *Service) cursor(part int, neighbours *cursor.Neighbours, deps inbox.Deps) *cursor.Cursor {
	return cursor.New(cursor.Config{
		Name: inbox.CursorName(part), Holder: s.deps.Instance,
		Stream: topology.Inbox, Filters: []string{subject.InboxPart(part)},
		Fence:    fence.Fence{Stream: topology.Events, Filter: subject.EventsPart(part)},
		Lanes:    cursor.ByOwner(part, subject.InboxOf, s.cfg.Spread, neighbours),
		BatchMax: s.cfg.Batch, LeaseTTL: s.cfg.Lease, Fault: s.deps.Fault,
		// A purge reaches as far as the idlest partition has looked.
		Look: s.cfg.PurgeEvery, Purged: true,
	}, inbox.New(part, deps), cursor.Deps{JS: s.deps.JetStream, Logger: s.deps.Logger, Now: s.deps.Now})
}

// Handler returns the HTTP inlet, for a server that serves more than it. It
// answers POST [Path], and 503 while the service does not run.
func (s *Service) Handler() http.Handler { return s.inlet }

// Path is where [Service.Handler] wants to be mounted, as a pattern of
// [http.ServeMux].
const Path = inlet.Path

// Ready is closed once every partition is held, by this instance or another,
// and the service listens.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run takes events in until ctx ends. It returns when everything it started
// has ended, with nil, or with the error that ended it before.
func (s *Service) Run(ctx context.Context) error {
	l, err := s.listen(ctx)
	if err != nil {
		return err
	}
	// What HTTP has accepted is flushed after the last request is answered.
	flushing, flushed := context.WithCancel(context.WithoutCancel(ctx))
	var publishing sync.WaitGroup
	publishing.Go(func() { _ = s.gatherer.Run(flushing) }) // returns nil
	publishing.Go(func() { _ = s.deps.Notices.Run(flushing) })
	work, end := context.WithCancel(ctx)
	var working sync.WaitGroup
	for _, c := range s.cursors {
		working.Go(func() { _ = c.Run(work) }) // returns nil
	}
	working.Go(func() { s.purge(work) })
	working.Go(func() { s.announce(work) })
	select {
	case <-ctx.Done():
	case err = <-l.Failed():
	}
	end()
	err = errors.Join(err, l.Stop(err != nil))
	working.Wait()
	flushed()
	publishing.Wait()
	return err
}

// announce closes ready when every cursor is.
func (s *Service) announce(ctx context.Context) {
	if cursor.Await(ctx, s.cursors) {
		close(s.ready)
	}
}

// purge purges INBOX now and then. The holder of the first partition does it
// for all.
func (s *Service) purge(ctx context.Context) {
	tick := time.NewTicker(s.cfg.PurgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.cursors[0].Held() {
			continue
		}
		if err := inbox.Purge(ctx, s.deps.JetStream, s.deps.Partitions); err != nil && ctx.Err() == nil {
			s.deps.Logger.Warn().Err(err).Msg("inbox not purged; trying again")
		}
	}
}
