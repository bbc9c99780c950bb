// Package mailer is the service that sends emails: it reads DELIVERIES and due
// RETRIES from pools, renders the letters, sends them over kept SMTP
// connections, and records every attempt in OUTCOMES with what became of each
// recipient; what it gives up goes to PARKED. Any number of instances share
// the work.
package mailer

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/send"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
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
	// Directory watches the buckets owners, smtp, emails and subscriptions.
	Directory *directory.Directory
	Accounts  *accounts.Accounts
	Catalogue *tokens.Catalogue
	// Sealer opens the passwords of SMTP settings.
	Sealer *secret.Sealer
	// Policy says which servers may be reached.
	Policy *guard.Policy
	// Roots are the authorities that servers' certificates are verified by;
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

// Service is the mailer.
type Service struct {
	cfg        Config
	deps       Deps
	deliveries *pool.Pool
	retries    *pool.Pool
	ready      chan struct{}
}

// New returns a service that does nothing until [Service.Run]. The error is
// the fault.Problems of cfg.
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

func newPool(cfg Config, deps Deps, stream string) *pool.Pool {
	names := []string{topology.RetriesDurable(delivery.Email)}
	for p := range deps.Partitions {
		names = append(names, topology.SenderDurable(delivery.Email, p))
	}
	c := pool.Config{Stream: stream, InFlight: cfg.MaxAckPending, Drain: cfg.StopTimeout}
	for _, d := range topology.Durables(topology.Settings{Partitions: deps.Partitions}) {
		if d.Stream == stream && slices.Contains(names, d.Config.Durable) {
			c.Durables = append(c.Durables, d.Config)
		}
	}
	return pool.New(c, pool.Deps{JS: deps.JetStream, Logger: deps.Logger})
}

// Ready is closed once deliveries and retries are being read.
func (s *Service) Ready() <-chan struct{} { return s.ready }

// Run sends until ctx ends. Letters on their way then have their time-out to
// get there; what has not begun is given back. It returns nil when everything
// it started has ended. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	// Recording outlasts sending, and both outlast the taking of tasks.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	sending, cut := context.WithCancel(life)
	defer cut()
	post := smtp.NewPool(s.connections())
	events := eventlog.New(s.deps.JetStream)
	desk := settle.New(s.deps.JetStream, delivery.Email, s.deps.Logger)
	sender := send.New(sending, s.parts(post, events, desk))

	var recording, taking sync.WaitGroup
	recording.Go(func() { _ = desk.Run(life) }) // returns nil
	taking.Go(func() {
		<-ctx.Done()
		sender.Drain()
	})
	for _, p := range []*pool.Pool{s.deliveries, s.retries} {
		taking.Go(func() { _ = p.Run(ctx, sender.Take) }) // returns nil
	}
	taking.Go(func() { s.announce(ctx) })
	taking.Go(func() { trim(ctx, post, s.cfg.IdleTime) })
	taking.Wait()
	cut() // what is still under way was given back
	sender.Stop()
	post.Close()
	events.Close()
	end()
	recording.Wait()
	return nil
}

// announce closes ready when both pools are ready.
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

// trim closes connections that are kept too long.
func trim(ctx context.Context, post *smtp.Pool, every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			post.Trim()
		}
	}
}

func (s *Service) connections() smtp.Config {
	return smtp.Config{
		Dial: s.deps.Policy.DialContext, RootCAs: s.deps.Roots, HelloName: s.cfg.HelloName,
		Connections: s.cfg.Connections, IdleTime: s.cfg.IdleTime, Age: s.cfg.ConnectionAge,
		Timeout: s.cfg.Timeout, SendTimeout: s.cfg.SendTimeout, Hold: s.cfg.SettingsRetry, Now: s.deps.Now,
	}
}

// ahead is how many deliveries run for each connection: while one is on the
// wire, others are rendered, noted and recorded.
const ahead = 4

// configPatience is how long the configuration may be later than the delivery
// that names it.
const configPatience = 5 * time.Second

func (s *Service) parts(post *smtp.Pool, events *eventlog.Reader, desk *settle.Desk) send.Parts {
	return send.Parts{
		Directory: s.deps.Directory, Accounts: s.deps.Accounts, Events: events,
		Renderer: render.New(s.deps.Catalogue, s.cfg.Templates), Post: post, Desk: desk, Sealer: s.deps.Sealer,
		Policy: verdict.Policy{
			Schedule: s.cfg.Retry, Pace: s.cfg.SettingsRetry, Patience: s.cfg.SettingsPatience, Rand: s.draw,
		},
		Limits: lane.Limits{
			Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience, Now: s.deps.Now,
		},
		Lane: ahead * s.cfg.Connections, Patience: configPatience,
		Log: s.deps.Logger, Now: s.deps.Now, Rand: s.deps.Rand, Fault: s.deps.Fault,
	}
}

// draw draws from [0, n).
func (s *Service) draw(n int64) int64 {
	var raw [8]byte
	_, _ = io.ReadFull(s.deps.Rand, raw[:]) // a source that fails gives less jitter
	return int64(binary.LittleEndian.Uint64(raw[:]) % uint64(n))
}
