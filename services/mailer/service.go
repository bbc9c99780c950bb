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
	"encoding/binary"
	"errors"
	"io"
	"slices"
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
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/lane"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/slots"
	"github.com/billhook/billhook/streams/topology"
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
	cfg        Config
	deps       Deps
	deliveries *pool.Pool
	retries    *pool.Pool
	links      *unsubscribe.Links
	list       *suppression.List
	readers    *unsubscribe.Desk
	ready      chan struct{}
}

// New returns a service that does nothing until [Service.Run]. The error is
// the fault.Problems of cfg.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Check().Or(); err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, deps: deps, ready: make(chan struct{}),
		deliveries: newPool(cfg, deps, topology.Deliveries),
		retries:    newPool(cfg, deps, topology.Retries),
		links:      unsubscribe.NewLinks(deps.Sealer, cfg.UnsubscribeURL),
		list:       suppression.Open(deps.JetStream),
	}
	s.readers = unsubscribe.NewDesk(unsubscribe.Parts{
		Links: s.links, List: s.list, Name: s.ownerName, Log: deps.Logger, Now: deps.Now,
	})
	return s, nil
}

// ownerName is the name of an owner for people.
func (s *Service) ownerName(id string) string {
	if o := s.deps.Directory.Owner(id).Owner; o != nil {
		return o.Name
	}
	return ""
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
	sending.Go(func() { s.send(work) })
	select {
	case <-ctx.Done():
	case err = <-l.Failed():
	}
	stop()
	err = errors.Join(err, l.Stop(err != nil))
	sending.Wait()
	return err
}

// send sends until ctx ends.
func (s *Service) send(ctx context.Context) {
	// Recording outlasts sending, and both outlast the taking of tasks.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	sending, cut := context.WithCancel(life)
	defer cut()
	post := smtp.NewPool(s.connections())
	events := eventlog.New(s.deps.JetStream)
	desk := settle.New(s.deps.JetStream, delivery.Email, s.deps.Logger)
	maker := s.maker(post, events, desk)
	sender, inOrder := send.New(sending, s.parts(maker, desk)), s.inOrder(maker, desk)

	var recording, taking sync.WaitGroup
	recording.Go(func() { _ = desk.Run(life) }) // returns nil
	recording.Go(func() { _ = s.deps.Notices.Run(life) })
	taking.Go(func() {
		<-ctx.Done()
		sender.Drain()
	})
	for _, p := range []*pool.Pool{s.deliveries, s.retries} {
		taking.Go(func() { _ = p.Run(ctx, sender.Take) }) // returns nil
	}
	heard := make(chan struct{})
	taking.Go(func() { s.answer(ctx, events, func() { close(heard) }) })
	taking.Go(func() { _ = inOrder.Run(ctx) })
	taking.Go(func() { s.announce(ctx, s.deliveries.Ready(), s.retries.Ready(), inOrder.Ready(), heard) })
	taking.Go(func() { trim(ctx, post, s.cfg.IdleTime) })
	taking.Wait()
	cut() // what is still under way was given back
	sender.Stop()
	post.Close()
	events.Close()
	end()
	recording.Wait()
}

// announce closes ready once all parts are.
func (s *Service) announce(ctx context.Context, parts ...<-chan struct{}) {
	if process.Await(ctx, parts...) {
		close(s.ready)
	}
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

// configPatience is how long the configuration may be later than the delivery
// that names it.
const configPatience = 5 * time.Second

// maker makes the attempts, in order and out of order.
func (s *Service) maker(post *smtp.Pool, events *eventlog.Reader, desk *settle.Desk) *attempt.Maker {
	d := s.deps
	return attempt.New(attempt.Parts{
		Directory: d.Directory, Accounts: d.Accounts, Events: events, Catalogue: d.Catalogue,
		Documents: document.NewShelf(d.JetStream, s.cfg.DocumentMaxSize),
		Renderer:  render.New(d.Catalogue, s.cfg.Templates), Identities: identity.NewBook(d.Sealer), Post: post, Desk: desk,
		Links: s.links, Suppressions: s.list,
		Policy: verdict.Policy{
			Schedule: s.cfg.Retry, Pace: s.cfg.SettingsRetry, Patience: s.cfg.SettingsPatience,
			Hold: s.cfg.Ambiguous == Hold, Rand: s.draw,
		},
		Await:    attempt.Await{Pace: s.cfg.DocumentRetry, Patience: s.cfg.DocumentPatience},
		Patience: configPatience, Notices: d.Notices,
		Log: d.Logger, Now: d.Now, Rand: d.Rand, Fault: d.Fault,
	})
}

func (s *Service) parts(maker *attempt.Maker, desk *settle.Desk) send.Parts {
	return send.Parts{
		Maker: maker, Desk: desk,
		Limits: lane.Limits{
			Running: s.cfg.Concurrency, Waiting: s.cfg.Waiting, Patience: s.cfg.Patience, Now: s.deps.Now,
		},
		Connections: s.cfg.Connections, Notices: s.deps.Notices, Log: s.deps.Logger, Fault: s.deps.Fault,
	}
}

// inOrder is the delivery of ordered subscriptions.
func (s *Service) inOrder(maker *attempt.Maker, desk *settle.Desk) *slots.Slots {
	d := s.deps
	return slots.New(slots.Config{
		Channel: delivery.Email, Service: permission.Mailer, Holder: d.Instance, Live: s.cfg.SeriesLive, Lease: s.cfg.Lease,
		Drain: s.cfg.StopTimeout,
	}, slots.Deps{
		JS: d.JetStream, Log: d.Logger,
		Source: ordered.NewSource(ordered.Settings{
			Channel: delivery.Email, Directory: d.Directory, Partitions: d.Partitions, Log: d.Logger,
		}),
		Series: series.Deps{
			JS: d.JetStream, Deliverer: inorder.NewDeliverer(maker), Desk: desk,
			Log: d.Logger, Now: d.Now, Fault: d.Fault, OnGivenUp: s.tell,
		},
	})
}

// tell has the owner hear of an ordered delivery that was given up, or that
// stopped its subscription.
func (s *Service) tell(o *delivery.Outcome) {
	if o.Result == delivery.Parked {
		s.deps.Notices.Raise(notice.Parked(o))
		return
	}
	s.deps.Notices.Raise(notice.Paused(o))
}

// draw draws from [0, n).
func (s *Service) draw(n int64) int64 {
	var raw [8]byte
	_, _ = io.ReadFull(s.deps.Rand, raw[:]) // a source that fails gives less jitter
	return int64(binary.LittleEndian.Uint64(raw[:]) % uint64(n))
}
