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
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/carrier"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/settle"
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
	cfg     Config
	deps    Deps
	backlog *backlog.Reader
	parts   send.Settings
	carrier *carrier.Carrier
}

// New returns a service that does nothing until [Service.Run]. The error is
// the [fault.Problems] of cfg.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, deps: deps, backlog: backlog.New(deps.JetStream, delivery.Webhook)}
	s.parts = s.newParts()
	s.carrier = s.newCarrier()
	return s, nil
}

// settling is the time that the records of the last requests may take.
const settling = 5 * time.Second

// Ready is closed once all deliveries are being read.
func (s *Service) Ready() <-chan struct{} { return s.carrier.Ready() }

// Run delivers until ctx ends. Then it takes nothing more, gives back what
// waits, ends the requests under way, and returns nil. It may be called once.
func (s *Service) Run(ctx context.Context) error {
	s.carrier.Run(ctx, s.crew)
	s.parts.Maker.Events.Close()
	s.parts.Maker.Client.Close()
	return nil
}

func (s *Service) crew(life context.Context) carrier.Crew {
	sender := send.New(life, s.parts)
	return carrier.Crew{
		Sender: sender, Answerer: s.answerer(), States: s.parts.Gate,
		Beside: []func(context.Context){s.drains(sender).Run},
	}
}

// answerer tries the endpoints that somebody asks about.
func (s *Service) answerer() carrier.Answerer {
	trials := trial.New(trial.Settings{Attempts: s.parts.Maker.Settings, Post: s.client(), Catalogue: s.deps.Catalogue})
	return &probe.Answerer[probe.Question, probe.Report]{
		Channel: delivery.Webhook, Try: trials.Try, Refuse: probe.Refuse, Log: s.deps.Logger,
	}
}

// client is what clients are made from.
func (s *Service) client() post.Settings {
	return post.Settings{
		Limits:      post.Limits{Handshake: s.cfg.HandshakeTimeout, Headers: s.cfg.HeaderTimeout, Total: s.cfg.Timeout},
		Connections: s.cfg.Concurrency, Roots: s.deps.Roots, Dial: s.deps.Policy.DialContext, Now: s.deps.Now,
	}
}

// drains work off what waits for endpoints that were away.
func (s *Service) drains(sender *send.Sender) *drain.Drains {
	d := s.deps
	return drain.New(drain.Settings{
		JetStream: d.JetStream, Gate: s.parts.Gate, Backlog: s.backlog, Sender: sender, Directory: d.Directory,
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
			MaxRetryAfter: s.cfg.MaxRetryAfter, Rand: backoff.Draws(d.Rand),
		},
		ProbeTime: s.cfg.Timeout + settling, Notices: d.Notices, Now: d.Now, Log: d.Logger,
	})
}

// longest is how many times WEBHOOK_PATIENCE a delivery may wait for its turn
// where there is room for it: what is not settled holds up the backlogs of its
// partition.
const longest = 10

// newParts returns what deliveries are made with, in order and out of order.
func (s *Service) newParts() send.Settings {
	d := s.deps
	client := post.New(s.client())
	access := oauth.New(oauth.Settings{Transport: client.Transport(), Now: d.Now})
	return send.Settings{
		Maker: attempt.New(attempt.Settings{
			Targets: target.NewBook(target.Settings{Directory: d.Directory, Catalogue: d.Catalogue, Sealer: d.Sealer, Tokens: access}),
			Events:  eventlog.New(d.JetStream), Client: client,
			MaxRetryAfter: s.cfg.MaxRetryAfter, Log: d.Logger, Now: d.Now, Rand: d.Rand,
		}),
		Desk: settle.New(d.JetStream, delivery.Webhook, d.Logger), Gate: s.gate(),
		Turns: turn.New(lane.Limits{
			Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience,
			Longest: longest * s.cfg.Patience, Now: d.Now,
		}, func() int { return s.carrier.Instances() }),
		Notices: d.Notices, Log: d.Logger, Fault: d.Fault,
	}
}

func (s *Service) newCarrier() *carrier.Carrier {
	d, p := s.deps, s.parts
	return carrier.New(carrier.Config{
		Channel: delivery.Webhook, Service: permission.WebhookSender, Instance: d.Instance, Partitions: d.Partitions,
		InFlight: s.cfg.MaxAckPending, Live: s.cfg.SeriesLive, Lease: s.cfg.Lease, Drain: s.cfg.Timeout + settling,
	}, carrier.Deps{
		JS: d.JetStream, Desk: p.Desk, Notices: d.Notices,
		Source: ordered.NewSource(ordered.Settings{
			Channel: delivery.Webhook, Directory: d.Directory, Partitions: d.Partitions, Log: d.Logger,
		}),
		Deliverer: inorder.NewDeliverer(p.Maker, p.Turns, p.Gate),
		Log:       d.Logger, Now: d.Now, Fault: d.Fault,
	})
}
