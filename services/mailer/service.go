// Package mailer is the service that sends emails: it renders the letters of a
// delivery, sends them over kept SMTP connections, and records every attempt in
// OUTCOMES with what became of each recipient; what it gives up goes to PARKED.
// What needs no order it reads from pools, DELIVERIES and due RETRIES; what is
// ordered it reads from EVENTS, subscription by subscription. Any number of
// instances share the work.
package mailer

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/directory"
	ordered "github.com/billhook/billhook/config/inorder"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/services/mailer/internal/document"
	"github.com/billhook/billhook/services/mailer/internal/identity"
	"github.com/billhook/billhook/services/mailer/internal/inorder"
	"github.com/billhook/billhook/services/mailer/internal/render"
	"github.com/billhook/billhook/services/mailer/internal/send"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/carrier"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/tokens"
)

// Deps are what the service is given.
type Deps struct {
	JetStream jetstream.JetStream
	// Directory watches the buckets that [Needs] names.
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
	// Instance names this instance among all others; an identifier.
	Instance string
	// Notices tells owners of what goes wrong; the service runs it.
	Notices *notice.Desk
	Logger  zerolog.Logger
	Now     func() time.Time
	Rand    io.Reader
	// Fault is called at the fault points of a test build; nil in production.
	Fault func(point string)
}

// Service is the mailer.
type Service struct {
	cfg     Config
	deps    Deps
	post    *smtp.Pool
	events  *eventlog.Reader
	desk    *settle.Desk
	maker   *attempt.Maker
	links   *unsubscribe.Links
	list    *suppression.List
	readers *unsubscribe.Desk
	carrier *carrier.Carrier
}

// New returns a service that does nothing until [Service.Run]. The error is
// the fault.Problems of cfg.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, deps: deps,
		events: eventlog.New(deps.JetStream),
		desk:   settle.New(deps.JetStream, delivery.Email, deps.Logger),
		links:  unsubscribe.NewLinks(deps.Sealer, cfg.UnsubscribeURL),
		list:   suppression.Open(deps.JetStream),
	}
	s.readers = unsubscribe.NewDesk(unsubscribe.Parts{
		Links: s.links, List: s.list, Name: s.ownerName, Log: deps.Logger, Now: deps.Now,
	})
	s.post = smtp.NewPool(s.connections())
	s.maker = s.newMaker()
	s.carrier = s.newCarrier()
	return s, nil
}

// ownerName is the name of an owner for people.
func (s *Service) ownerName(id string) string {
	if o := s.deps.Directory.Owner(id).Owner; o != nil {
		return o.Name
	}
	return ""
}

// Ready is closed once deliveries and retries are being read.
func (s *Service) Ready() <-chan struct{} { return s.carrier.Ready() }

// Run sends until ctx ends. Letters on their way then have their time-out to
// get there; what has not begun is given back. It returns when everything it
// started has ended, with nil, or with the error that ended it before. It may
// be called once.
func (s *Service) Run(ctx context.Context) error {
	l, err := s.listen(ctx)
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	var sending sync.WaitGroup
	sending.Go(func() { s.carrier.Run(work, s.crew) })
	select {
	case <-ctx.Done():
	case err = <-l.Failed():
	}
	stop()
	err = errors.Join(err, l.Stop(err != nil))
	sending.Wait()
	s.post.Close()
	s.events.Close()
	return err
}

func (s *Service) crew(life context.Context) carrier.Crew {
	return carrier.Crew{Sender: send.New(life, s.parts()), Answerer: s.answerer(), Beside: []func(context.Context){s.trim}}
}

// trim closes connections that are kept too long.
func (s *Service) trim(ctx context.Context) {
	t := time.NewTicker(s.cfg.IdleTime)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.post.Trim()
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

// configPatience is how long the configuration may be later than the delivery
// that names it.
const configPatience = 5 * time.Second

// newMaker returns what makes the attempts, in order and out of order.
func (s *Service) newMaker() *attempt.Maker {
	d := s.deps
	return attempt.New(attempt.Parts{
		Directory: d.Directory, Accounts: d.Accounts, Events: s.events, Catalogue: d.Catalogue,
		Documents: document.NewShelf(d.JetStream, s.cfg.DocumentMaxSize),
		Renderer:  render.New(d.Catalogue, s.cfg.Templates), Identities: identity.NewBook(d.Sealer), Post: s.post, Desk: s.desk,
		Links: s.links, Suppressions: s.list,
		Policy: verdict.Policy{
			Schedule: s.cfg.Retry, Pace: s.cfg.SettingsRetry, Patience: s.cfg.SettingsPatience,
			Hold: s.cfg.Ambiguous == Hold, Rand: backoff.Draws(d.Rand),
		},
		Await:    attempt.Await{Pace: s.cfg.DocumentRetry, Patience: s.cfg.DocumentPatience},
		Patience: configPatience, Notices: d.Notices,
		Log: d.Logger, Now: d.Now, Rand: d.Rand, Fault: d.Fault,
	})
}

func (s *Service) parts() send.Parts {
	return send.Parts{
		Maker: s.maker, Desk: s.desk,
		Limits: lane.Limits{
			Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience, Now: s.deps.Now,
		},
		Connections: s.cfg.Connections, Notices: s.deps.Notices, Log: s.deps.Logger, Fault: s.deps.Fault,
	}
}

func (s *Service) newCarrier() *carrier.Carrier {
	d := s.deps
	return carrier.New(carrier.Config{
		Channel: delivery.Email, Service: permission.Mailer, Instance: d.Instance, Partitions: d.Partitions,
		InFlight: s.cfg.MaxAckPending, Live: s.cfg.SeriesLive, Lease: s.cfg.Lease, Drain: s.cfg.StopTimeout,
	}, carrier.Deps{
		JS: d.JetStream, Desk: s.desk, Notices: d.Notices,
		Source: ordered.NewSource(ordered.Settings{
			Channel: delivery.Email, Directory: d.Directory, Partitions: d.Partitions, Log: d.Logger,
		}),
		Deliverer: inorder.NewDeliverer(s.maker),
		Log:       d.Logger, Now: d.Now, Fault: d.Fault,
	})
}
