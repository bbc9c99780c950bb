// Package webhooksender is the service that delivers unordered webhooks: it
// reads DELIVERIES and due RETRIES from pools, makes signed HTTPS requests, and
// records every attempt in OUTCOMES; what it gives up goes to PARKED. Any
// number of instances share the work.
package webhooksender

import (
	"context"
	"crypto/x509"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/send"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	// Directory watches the buckets owners, endpoints and subscriptions.
	Directory *directory.Directory
	Catalogue *tokens.Catalogue
	// Sealer opens the signing secrets of endpoints.
	Sealer *secret.Sealer
	// Policy says where requests may go.
	Policy *guard.Policy
	// Roots are the authorities that receivers' certificates are verified by;
	// nil is the system's.
	Roots *x509.CertPool
	// Partitions is the number in the streams' metadata.
	Partitions int
	Logger     zerolog.Logger
	Now        func() time.Time
	Rand       io.Reader
	// Fault is called at the fault points of a test build; nil in production.
	Fault func(point string)
}

// Service is the webhook sender.
type Service struct {
	cfg        Config
	deps       Deps
	deliveries *pool.Pool
	retries    *pool.Pool
	ready      chan struct{}
}

// New returns a service that does nothing until [Service.Run]. The error is
// the [fault.Problems] of cfg.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	return &Service{
		cfg: cfg, deps: deps, ready: make(chan struct{}),
		deliveries: newPool(cfg, deps, topology.Deliveries),
		retries:    newPool(cfg, deps, topology.Retries),
	}, nil
}

// settling is the time that the records of the last requests may take.
const settling = 5 * time.Second

func newPool(cfg Config, deps Deps, stream string) *pool.Pool {
	c := pool.Config{Stream: stream, InFlight: cfg.MaxAckPending, Drain: cfg.Timeout + settling}
	for _, d := range topology.Durables(topology.Settings{Partitions: deps.Partitions}) {
		if d.Stream == stream && mine(d.Config.Durable, deps.Partitions) {
			c.Durables = append(c.Durables, d.Config)
		}
	}
	return pool.New(c, pool.Deps{JS: deps.JetStream, Logger: deps.Logger})
}

// mine reports whether a durable consumer is one of webhooks.
func mine(durable string, partitions int) bool {
	for p := range partitions {
		if durable == topology.SenderDurable(delivery.Webhook, p) {
			return true
		}
	}
	return durable == topology.RetriesDurable(delivery.Webhook)
}

// Ready is closed once all deliveries are being read.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run delivers until ctx ends. Then it takes nothing more, gives back what
// waits, ends the requests under way, and returns nil. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	// Requests and records outlast ctx: a request that is cut off may be
	// repeated, one that ends is not.
	work, endWork := context.WithCancel(context.WithoutCancel(ctx))
	defer endWork()
	recording, endRecording := context.WithCancel(context.WithoutCancel(ctx))
	defer endRecording()
	parts := s.parts()
	sender := send.New(work, parts)
	var beside, reading sync.WaitGroup
	beside.Go(func() { _ = parts.Desk.Run(recording) }) // never fails
	beside.Go(func() {
		<-ctx.Done()
		sender.Drain()
	})
	reading.Go(func() { _ = s.deliveries.Run(ctx, sender.Take) })
	reading.Go(func() { _ = s.retries.Run(ctx, sender.Take) })
	reading.Go(func() { s.announce(ctx) })
	reading.Wait()
	endWork()
	sender.Stop()
	endRecording()
	beside.Wait()
	parts.Events.Close()
	parts.Client.Close()
	return nil
}

// announce closes ready once both pools read.
func (s *Service) announce(ctx context.Context) {
	for _, p := range []*pool.Pool{s.deliveries, s.retries} {
		select {
		case <-p.Ready():
		case <-ctx.Done():
			return
		}
	}
	close(s.ready)
}

// parts are what a run works with.
func (s *Service) parts() send.Settings {
	d := s.deps
	return send.Settings{
		Targets: target.NewBook(target.Settings{Directory: d.Directory, Catalogue: d.Catalogue, Sealer: d.Sealer}),
		Events:  eventlog.New(d.JetStream), Desk: settle.New(d.JetStream, delivery.Webhook, d.Logger),
		Client: post.New(post.Settings{
			Limits:      post.Limits{Handshake: s.cfg.HandshakeTimeout, Headers: s.cfg.HeaderTimeout, Total: s.cfg.Timeout},
			Connections: s.cfg.Concurrency, Roots: d.Roots, Dial: d.Policy.DialContext, Now: d.Now,
		}),
		Limits: lane.Limits{
			Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience, Now: d.Now,
		},
		MaxRetryAfter: s.cfg.MaxRetryAfter, Log: d.Logger, Now: d.Now, Rand: d.Rand, Fault: d.Fault,
	}
}
