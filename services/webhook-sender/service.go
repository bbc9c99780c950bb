// Package webhooksender is the service that delivers webhooks: it makes signed
// HTTPS requests and records every attempt in OUTCOMES; what it gives up goes
// to PARKED. What needs no order it reads from pools, DELIVERIES and due
// RETRIES; what is ordered it reads from EVENTS, subscription by subscription.
// Any number of instances share the work.
package webhooksender

import (
	"context"
	"crypto/x509"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/directory"
	ordered "github.com/billhook/billhook/config/inorder"
	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/drain"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/inorder"
	"github.com/billhook/billhook/services/webhook-sender/internal/oauth"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/send"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/trial"
	"github.com/billhook/billhook/services/webhook-sender/internal/turn"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/slots"
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
	// Notices tells owners of what goes wrong; the service runs it.
	Notices *notice.Desk
	// Instance names this instance among all others; an identifier.
	Instance string
	Logger   zerolog.Logger
	Now      func() time.Time
	Rand     io.Reader
	// Fault is called at the fault points of a test build; nil in production.
	Fault func(point string)
}

// Service is the webhook sender.
type Service struct {
	cfg        Config
	deps       Deps
	deliveries *pool.Pool
	retries    *pool.Pool
	backlog    *backlog.Reader
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
		backlog:    backlog.New(deps.JetStream, delivery.Webhook),
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
	parts, inOrder := s.parts()
	sender := send.New(work, parts)
	drains := s.drains(parts.Gate, sender)
	var beside, reading sync.WaitGroup
	beside.Go(func() { _ = parts.Desk.Run(recording) }) // never fails
	beside.Go(func() { _ = s.deps.Notices.Run(recording) })
	beside.Go(func() { parts.Gate.Run(recording) })
	beside.Go(func() {
		<-ctx.Done()
		sender.Drain()
	})
	process.Await(ctx, parts.Gate.Ready())
	reading.Go(func() { drains.Run(ctx) })
	reading.Go(func() { _ = s.deliveries.Run(ctx, sender.Take) })
	reading.Go(func() { _ = s.retries.Run(ctx, sender.Take) })
	reading.Go(func() { _ = inOrder.Run(ctx) })
	heard := make(chan struct{})
	reading.Go(func() { s.answer(ctx, parts, func() { close(heard) }) })
	reading.Go(func() { s.announce(ctx, s.deliveries.Ready(), s.retries.Ready(), inOrder.Ready(), heard) })
	reading.Wait()
	endWork()
	sender.Stop()
	endRecording()
	beside.Wait()
	parts.Maker.Events.Close()
	parts.Maker.Client.Close()
	return nil
}

// answer tries the endpoints that somebody asks about.
func (s *Service) answer(ctx context.Context, parts send.Settings, ready func()) {
	trials := trial.New(trial.Settings{Attempts: parts.Maker.Settings, Post: s.client(), Catalogue: s.deps.Catalogue})
	answerer := probe.Answerer[probe.Question, probe.Report]{
		Channel: delivery.Webhook, Try: trials.Try, Refuse: probe.Refuse, Log: s.deps.Logger,
	}
	answerer.Serve(ctx, s.deps.JetStream.Conn(), ready)
}

// client is what clients are made from.
func (s *Service) client() post.Settings {
	return post.Settings{
		Limits:      post.Limits{Handshake: s.cfg.HandshakeTimeout, Headers: s.cfg.HeaderTimeout, Total: s.cfg.Timeout},
		Connections: s.cfg.Concurrency, Roots: s.deps.Roots, Dial: s.deps.Policy.DialContext, Now: s.deps.Now,
	}
}

// announce closes ready once all parts are.
func (s *Service) announce(ctx context.Context, parts ...<-chan struct{}) {
	if process.Await(ctx, parts...) {
		close(s.ready)
	}
}

// drains work off what waits for endpoints that were away.
func (s *Service) drains(g *gate.Gate, sender *send.Sender) *drain.Drains {
	d := s.deps
	return drain.New(drain.Settings{
		JetStream: d.JetStream, Gate: g, Backlog: s.backlog, Sender: sender, Directory: d.Directory,
		Partitions: d.Partitions, Holder: d.Instance, Lease: s.cfg.Lease, Drain: s.cfg.Timeout + settling, Most: s.cfg.Drains, Now: d.Now, Log: d.Logger,
	})
}

// gate holds the states of endpoints.
func (s *Service) gate() *gate.Gate {
	d := s.deps
	return gate.New(gate.Settings{
		JetStream: d.JetStream, Backlog: s.backlog, Partitions: d.Partitions,
		Policy: breaker.Policy{
			Failures: s.cfg.BreakerFailures, Waits: s.cfg.BreakerWaits, Exhausted: s.cfg.BreakerExhausted,
			MaxRetryAfter: s.cfg.MaxRetryAfter, Rand: attempt.Draw(d.Rand),
		},
		ProbeTime: s.cfg.Timeout + settling, Notices: d.Notices, Now: d.Now, Log: d.Logger,
	})
}

// inOrder is the delivery of ordered subscriptions.
func (s *Service) inOrder(parts send.Settings) *slots.Slots {
	d := s.deps
	return slots.New(slots.Config{
		Channel: delivery.Webhook, Service: permission.WebhookSender, Holder: d.Instance, Live: s.cfg.SeriesLive, Lease: s.cfg.Lease,
		Drain: s.cfg.Timeout + settling,
	}, slots.Deps{
		JS: d.JetStream, Source: ordered.NewSource(ordered.Settings{
			Channel: delivery.Webhook, Directory: d.Directory, Partitions: d.Partitions, Log: d.Logger,
		}), Log: d.Logger,
		Series: series.Deps{
			JS: d.JetStream, Deliverer: inorder.NewDeliverer(parts.Maker, parts.Turns, parts.Gate), Desk: parts.Desk,
			Log: d.Logger, Now: d.Now, Fault: d.Fault,
			OnGivenUp: s.givenUp,
		},
	})
}

// givenUp tells of a delivery of an ordered subscription.
func (s *Service) givenUp(o *delivery.Outcome) {
	n := notice.Paused(o)
	if o.Result == delivery.Parked {
		n = notice.Parked(o)
	}
	s.deps.Notices.Raise(n)
}

// longest is how many times WEBHOOK_PATIENCE a delivery may wait for its turn
// where there is room for it: what is not settled holds up the backlogs of its
// partition.
const longest = 10

// parts are what a run works with, and the delivery of ordered subscriptions.
func (s *Service) parts() (send.Settings, *slots.Slots) {
	d := s.deps
	client := post.New(s.client())
	access := oauth.New(oauth.Settings{Transport: client.Transport(), Now: d.Now})
	var inOrder *slots.Slots // it counts the instances
	turns := turn.New(lane.Limits{
		Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience,
		Longest: longest * s.cfg.Patience, Now: d.Now,
	}, func() int { return inOrder.Instances() })
	parts := send.Settings{
		Maker: attempt.New(attempt.Settings{
			Targets: target.NewBook(target.Settings{Directory: d.Directory, Catalogue: d.Catalogue, Sealer: d.Sealer, Tokens: access}),
			Events:  eventlog.New(d.JetStream), Client: client,
			MaxRetryAfter: s.cfg.MaxRetryAfter, Log: d.Logger, Now: d.Now, Rand: d.Rand,
		}),
		Desk: settle.New(d.JetStream, delivery.Webhook, d.Logger), Gate: s.gate(), Turns: turns,
		Notices: d.Notices, Log: d.Logger, Fault: d.Fault,
	}
	inOrder = s.inOrder(parts)
	return parts, inOrder
}
