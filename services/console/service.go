// Package console is the management API: what owners configure, and what became
// of their events, over HTTP with the same rules as every other way in. It
// refuses to hold anything of its own: what it saves goes through config/store,
// and what it shows is read where it stands.
package console

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/plan"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/answers"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/resource"
	"github.com/billhook/billhook/services/console/internal/view"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	// Directory watches every bucket that it can.
	Directory *directory.Directory
	Store     *store.Store
	Sealer    *secret.Sealer
	// Desk tells who calls.
	Desk   Desk
	Logger zerolog.Logger
	Now    func() time.Time
	Rand   io.Reader
}

// Desk tells who makes a request.
type Desk = api.Desk

// Service is one instance of the console.
type Service struct {
	cfg   Config
	log   zerolog.Logger
	api   *api.API
	ready chan struct{}
	// listening receives the address once the service listens by itself.
	address chan net.Addr
}

// New returns a service that does nothing until [Service.Run].
func New(cfg Config, d Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	frame, err := api.New(api.Deps{
		Desk:   d.Desk,
		Memory: answers.New(bucket.Open(d.JetStream, topology.Answers), d.Sealer, d.Now),
		Store:  d.Store,
		Lists:  d.Directory,
		Exists: func(owner string) bool { return d.Directory.Owner(owner).Owner != nil },
		Logger: d.Logger, Rand: d.Rand,
	}, about(cfg), routes(cfg, d))
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, log: d.Logger, api: frame, ready: make(chan struct{}), address: make(chan net.Addr, 1)}, nil
}

// routes is the one table of what the API does.
func routes(cfg Config, d Deps) []api.Route {
	out := resource.Routes(resource.Deps{
		Store: d.Store, Directory: d.Directory, Accounts: bucket.Open(d.JetStream, topology.Accounts),
	})
	return append(out, view.Routes(view.Deps{
		JetStream: d.JetStream, Store: d.Store, Directory: d.Directory, Catalogue: d.Catalogue, Now: d.Now,
		Events: api.Elsewhere{URL: cfg.EventsURL, About: "the inlet of events"}, Queues: api.Elsewhere{URL: cfg.QueuesURL, About: "the outlet of event queues"},
		Plans: plan.NewDesk(plan.DeskDeps{JetStream: d.JetStream, Snapshots: d.Directory, Now: d.Now}),
	})...)
}

func about(cfg Config) api.About {
	return api.About{
		Title: "Billhook", Version: "1", Server: cmp.Or(cfg.URL, "http://"+cfg.HTTPAddr),
		Text: "Turns what happens in a usage-billing platform into signed webhooks and emails.",
	}
}

// Handler returns the API, for a server that serves more than it. It answers
// [Paths].
func (s *Service) Handler() http.Handler { return s.api }

// Paths are where [Service.Handler] wants to be mounted, as patterns of
// [http.ServeMux]. The inlet of events has a part of them on the same server.
func Paths() []string {
	return []string{"/v1", "/v1/", "GET /v1/owners/{owner}/events", "/openapi.json"}
}

// Ready is closed once the service answers.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Addr returns where a ready service listens by itself.
func (s *Service) Addr() net.Addr {
	a := <-s.address
	s.address <- a
	return a
}

// Run serves until ctx ends, where the service listens by itself.
func (s *Service) Run(ctx context.Context) error {
	if s.cfg.HTTPAddr == "" {
		close(s.ready)
		<-ctx.Done()
		return nil
	}
	server, err := web.Listen(ctx, s.cfg.HTTPAddr, s.api)
	if err != nil {
		return fmt.Errorf("CONSOLE_HTTP_ADDR: %w", err)
	}
	s.address <- server.Addr()
	s.log.Info().Stringer("address", server.Addr()).Msg("the management api is served over http")
	close(s.ready)
	return server.Run(ctx)
}
