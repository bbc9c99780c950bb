// Package allinone runs every service in one process around an embedded NATS
// server. It is one more main over the same services: the only difference to
// running them apart is who made the connection.
package allinone

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/kit"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/billhook/broker"
	"github.com/billhook/billhook/services/console"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/matcher"
	"github.com/billhook/billhook/services/queue"
	"github.com/billhook/billhook/services/scheduler"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/link"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/topology"
)

// App is an all-in-one: a broker, a kit, and the services on them.
type App struct {
	broker *broker.Broker
	// links are the connections: the app's own, then one of each service.
	links []kit.Link
	kit   *kit.Kit
	store *store.Store
	mux   web.Mux
	http  *web.Server
	group *process.Group
	// open is set once the rest is: the broker asks about strangers from
	// goroutines of its own, and from before there is anything to ask.
	open atomic.Bool
}

// Place is what an all-in-one stands on.
type Place struct {
	// Store is the broker's folder.
	Store string
	// Auth decides who gets in from outside the process. It gets the app once
	// that is open, because keys are read through it.
	Auth func(*App) broker.Authenticator
	// Keys gives the sealing keys as they are whenever it is called; nil has
	// those of the settings.
	Keys func() ([]secret.Key, error)
	Log  zerolog.Logger
}

// Open starts the broker, makes the streams that lack, and prepares the
// services. Run lets them work; Close must follow in any case.
func Open(ctx context.Context, cfg Config, place Place) (_ *App, err error) {
	a := &App{}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err = a.serve(cfg, place); err != nil { //nolint:contextcheck // log-ins outlive Open and have a limit of their own
		return nil, err
	}
	own, err := a.attach("billhook", place.Log)
	if err != nil {
		return nil, err
	}
	if err = topology.Ensure(ctx, own.JetStream, cfg.Topology); err != nil {
		return nil, err
	}
	if a.kit, err = kit.Assemble(ctx, kit.Plan{Link: own, Settings: cfg.Kit, Needs: needs(), Keys: place.Keys, Log: place.Log}); err != nil {
		return nil, err
	}
	a.store = a.kit.Store()
	members, err := a.members(ctx, cfg)
	if err != nil {
		return nil, err
	}
	a.group = process.NewGroup(place.Log, members...)
	a.open.Store(true)
	return a, nil
}

// serve starts the broker.
func (a *App) serve(cfg Config, place Place) (err error) {
	token := make([]byte, 32)
	_, _ = rand.Read(token) // never fails
	listen := cfg.NATSAddr
	if listen == off {
		listen = ""
	}
	a.broker, err = broker.Start(broker.Config{
		StoreDir: place.Store, Listen: listen, SyncAlways: cfg.Sync == SyncAlways,
		Auth: func(user, password string) (broker.Permissions, bool) {
			if place.Auth == nil || !a.open.Load() {
				return broker.Permissions{}, false
			}
			return place.Auth(a)(user, password)
		},
	}, hex.EncodeToString(token), place.Log)
	return err
}

// attach makes a connection to the broker.
func (a *App) attach(name string, log zerolog.Logger) (l kit.Link, err error) {
	if l.NATS, l.JetStream, err = link.Attach(a.broker.Option(), name, log); err == nil {
		a.links = append(a.links, l)
	}
	return l, err
}

// kits gives each service the kit on a connection of its own, as if it were a
// process of its own: on one connection everything comes one after another, and
// what a flood brings to ingest would stand before the webhooks of others.
func (a *App) kits() (map[string]*kit.Kit, error) {
	kits := map[string]*kit.Kit{}
	for _, name := range permission.Services() {
		l, err := a.attach(name, a.kit.Log)
		if err != nil {
			return nil, err
		}
		kits[name] = a.kit.On(l)
	}
	return kits, nil
}

// needs is what all services together take from the kit.
func needs() kit.Needs {
	return kit.Together(ingest.Needs(), matcher.Needs(), scheduler.Needs(), webhooksender.Needs(), mailer.Needs(), console.Needs(), queue.Needs())
}

// members makes the services, those at the end of an event's way first, so
// that they stop last.
func (a *App) members(ctx context.Context, cfg Config) ([]process.Member, error) {
	kits, err := a.kits()
	if err != nil {
		return nil, err
	}
	cfg.Ingest.HTTPAddr, cfg.Mailer.HTTPAddr, cfg.Queue.HTTPAddr = "", "", "" // the all-in-one's server mounts them
	in, err := ingest.FromKit(cfg.Ingest, kits[permission.Ingest])
	if err != nil {
		return nil, err
	}
	match, err := matcher.FromKit(cfg.Matcher, kits[permission.Matcher])
	if err != nil {
		return nil, err
	}
	hooks, err := webhooksender.FromKit(cfg.Webhook, kits[permission.WebhookSender])
	if err != nil {
		return nil, err
	}
	mails, err := mailer.FromKit(cfg.Mailer, kits[permission.Mailer])
	if err != nil {
		return nil, err
	}
	timer, err := scheduler.FromKit(cfg.Scheduler, kits[permission.Scheduler])
	if err != nil {
		return nil, err
	}
	manage, err := a.console(cfg, kits[permission.Console])
	if err != nil {
		return nil, err
	}
	read, err := queue.FromKit(cfg.Queue, kits[permission.Queue])
	if err != nil {
		return nil, err
	}
	a.mux.Handle(ingest.Path, in.Handler())
	a.mount(console.Paths(), manage.Handler())
	a.mount(queue.Paths(), read.Handler())
	a.mux.Handle(mailer.Path, mails.Handler())
	if a.http, err = web.Listen(ctx, cfg.HTTPAddr, &a.mux); err != nil {
		return nil, fmt.Errorf("HTTP_ADDR: %w", err)
	}
	member := func(name string, s process.Service) process.Member { return kits[name].Member(name, s) }
	return []process.Member{
		member(permission.WebhookSender, hooks), member(permission.Mailer, mails), member(permission.Matcher, match),
		member(permission.Scheduler, timer), member(permission.Ingest, in), member(permission.Console, manage),
		{Name: "http", Service: a.http},
		// It stops before what serves it: who waits for events is answered at once.
		member(permission.Queue, read),
	}, nil
}

func (a *App) mount(paths []string, h http.Handler) {
	for _, path := range paths {
		a.mux.Handle(path, h)
	}
}

// console makes the console, which the all-in-one's server mounts beside the
// inlet of events: both are at one address.
func (a *App) console(cfg Config, k *kit.Kit) (*console.Service, error) {
	cfg.Console.HTTPAddr = ""
	cfg.Console.URL = cmp.Or(cfg.Console.URL, "http://"+cfg.HTTPAddr)
	cfg.Console.EventsURL, cfg.Console.QueuesURL = cfg.Console.URL, cfg.Console.URL
	return console.FromKit(cfg.Console, k)
}

// Run lets the services work until ctx ends or one of them fails.
func (a *App) Run(ctx context.Context) error {
	health := process.Health(a.group)
	a.mux.Handle("/livez", health)
	a.mux.Handle("/readyz", health)
	return a.group.Run(ctx)
}

// Ready is closed once every service works.
func (a *App) Ready() <-chan struct{} { return a.group.Ready() }

// Kit returns what the services work with.
func (a *App) Kit() *kit.Kit { return a.kit }

// Store returns the use cases that save configuration.
func (a *App) Store() *store.Store { return a.store }

// NATSAddr and HTTPAddr return where the app listens; NATSAddr is empty when
// the broker listens nowhere.
func (a *App) NATSAddr() string { return a.broker.Address() }

// HTTPAddr returns where the app serves HTTP.
func (a *App) HTTPAddr() string { return a.http.Addr().String() }

// Close ends what Open started, in reverse.
func (a *App) Close() {
	if a.http != nil {
		a.http.Close()
	}
	if a.kit != nil {
		a.kit.Close()
	}
	for _, l := range a.links {
		l.NATS.Close()
	}
	if a.broker != nil {
		a.broker.Close()
	}
}
