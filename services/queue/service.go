// Package queue is the service that subscribers read event queues from, over HTTP:
// they pull events, acknowledge them, give them back, or keep them for longer. Who
// has what is decided in streams/queue; this is how it is asked for, and by whom.
// It refuses to configure queues; that is the console's.
package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owners"
	"github.com/billhook/billhook/config/permit"
	"github.com/billhook/billhook/config/reading"
	"github.com/billhook/billhook/services/queue/internal/outlet"
	"github.com/billhook/billhook/services/queue/internal/sweep"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches owners and queues at least.
	Directory *directory.Directory
	Callers   *caller.Desk
	Logger    zerolog.Logger
	Now       func() time.Time
	Rand      io.Reader
	// Partitions is the number in the streams' metadata.
	Partitions int
	// Notices tells owners of what was lost; the service runs it.
	Notices *notice.Desk
	// Pace has its defaults in production.
	Pace queue.Pace
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}

// Service is one instance of the service.
type Service struct {
	cfg    Config
	deps   Deps
	desk   *queue.Desk
	outlet *outlet.Outlet
	ready  chan struct{}
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, d Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, deps: d, ready: make(chan struct{})}
	var known *reading.Plans
	s.desk, known = reading.Open(reading.Settings{
		Directory: d.Directory, JetStream: d.JetStream, Catalogue: d.Catalogue, Partitions: d.Partitions,
		Waiting: cfg.Waiting, Pace: d.Pace, Notices: d.Notices, Log: d.Logger, Now: d.Now, Rand: d.Rand, Fault: d.Fault,
	})
	s.outlet = outlet.New(outlet.Deps{
		Office: permit.Office{Callers: d.Callers, Owners: owners.New(d.Directory, d.JetStream), Logger: d.Logger},
		Known:  known, Desk: s.desk, Logger: d.Logger,
	})
	return s, nil
}

// Handler returns what answers readers, for a server that serves more than it. It
// answers [Paths], and 503 while the service does not run.
func (s *Service) Handler() http.Handler { return s.outlet }

// Paths are where [Service.Handler] wants to be mounted, as patterns of
// [http.ServeMux].
func Paths() []string { return outlet.Paths() }

// Ready is closed once the service answers.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run hands out events until ctx ends. Who waits for some then is answered with
// none at once. It returns when everything it started has ended, with nil, or with
// the error that ended it before.
func (s *Service) Run(ctx context.Context) error {
	l, err := s.listen(ctx)
	if err != nil {
		return err
	}
	work, end := context.WithCancel(ctx)
	defer end()
	var working sync.WaitGroup
	working.Go(func() { _ = s.desk.Run(work) }) // returns nil
	working.Go(func() { _ = s.deps.Notices.Run(work) })
	working.Go(func() {
		sweep.Every(work, s.cfg.SweepEvery, sweep.Settings{JetStream: s.deps.JetStream, Directory: s.deps.Directory, Log: s.deps.Logger})
	})
	<-s.desk.Ready()
	close(s.ready)
	select {
	case <-ctx.Done():
	case err = <-l.Failed():
	}
	end()
	working.Wait()
	return errors.Join(err, l.Stop(err != nil))
}

// listen serves readers where the configuration names an address.
func (s *Service) listen(ctx context.Context) (*web.Beside, error) {
	l, err := web.ServeBeside(ctx, s.cfg.HTTPAddr, s.outlet)
	if err != nil {
		return nil, fmt.Errorf("QUEUE_HTTP_ADDR: %w", err)
	}
	if l != nil {
		s.deps.Logger.Info().Stringer("address", l.Addr()).Msg("event queues are read over http")
	}
	return l, nil
}
