// Package kit puts together what the services are given: connection,
// catalogue, watched configuration, sealer, guards, clock and randomness. The
// all-in-one gives one kit to all of them, a single service has its own.
package kit

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"io"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/fleet"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// Kit is what services are given. Its parts may be shared.
type Kit struct {
	NATS      *nats.Conn
	JetStream jetstream.JetStream
	Catalogue *tokens.Catalogue
	Directory *directory.Directory
	// Accounts and Keys are nil in a kit without them.
	Accounts *accounts.Accounts
	Keys     *keys.Keys
	// Callers tells who makes requests; nil where Keys is.
	Callers *caller.Desk
	// Sealer is nil in a kit without a secret key.
	Sealer *secret.Sealer
	// Web and Mail say where webhooks and mail may go.
	Web, Mail *guard.Policy
	// Roots verifies receivers; nil is the system's authorities.
	Roots *x509.CertPool
	// Partitions is the number in the streams' metadata.
	Partitions int
	// Instance names this process in leases; it is unique.
	Instance string
	Log      zerolog.Logger
	// NoticeInterval is how often at most an owner hears of the same thing.
	NoticeInterval time.Duration
	Now            func() time.Time
	Rand           io.Reader
	// Fault is called at the fault points of a test build; nil in production.
	Fault func(point string)
}

// Link is an open connection to NATS.
type Link struct {
	NATS      *nats.Conn
	JetStream jetstream.JetStream
}

// Needs says which parts a service uses, so that it needs no permission for
// the others.
type Needs struct {
	// Buckets are those the directory watches.
	Buckets []string
	// Secrets is true for services that open or make sealed secrets.
	Secrets bool
	// Accounts and Keys are true for services that read those.
	Accounts, Keys bool
}

// Together is what several services need that share one kit.
func Together(services ...Needs) Needs {
	var all Needs
	for _, n := range services {
		all.Buckets = append(all.Buckets, n.Buckets...)
		all.Secrets, all.Accounts, all.Keys = all.Secrets || n.Secrets, all.Accounts || n.Accounts, all.Keys || n.Keys
	}
	slices.Sort(all.Buckets)
	all.Buckets = slices.Compact(all.Buckets)
	return all
}

// Plan says what a kit is made from.
type Plan struct {
	// Link is the connection. It stays the caller's.
	Link     Link
	Settings Settings
	Needs    Needs
	// Keys gives the sealing keys as they are whenever it is called; nil has
	// those of the settings.
	Keys func() ([]secret.Key, error)
	Log  zerolog.Logger
}

// Assemble makes a kit. It returns when the configuration is loaded. Close
// ends the watching.
func Assemble(ctx context.Context, p Plan) (*Kit, error) {
	s, needs := p.Settings, p.Needs
	k := &Kit{NATS: p.Link.NATS, JetStream: p.Link.JetStream, Log: p.Log, Now: time.Now, Rand: rand.Reader, Instance: instance(), Fault: faults(), NoticeInterval: s.NoticeInterval}
	for _, step := range []func() error{
		func() (err error) { k.Catalogue, err = tokens.Load(); return err },
		func() (err error) { k.Partitions, err = topology.Partitions(ctx, k.JetStream); return err },
		func() (err error) { k.Web, err = s.WebPolicy(); return err },
		func() (err error) { k.Mail, err = s.MailPolicy(); return err },
		func() (err error) { k.Roots, err = s.roots(); return err },
		func() error { return k.seal(p) },
		func() error { return k.open(ctx, s, needs) },
		func() (err error) {
			k.Directory, err = directory.Watch(ctx, directory.Settings{
				JetStream: k.JetStream, Buckets: needs.Buckets, Catalogue: k.Catalogue, Logger: k.Log,
			})
			return err
		},
	} {
		if err := step(); err != nil {
			k.Close()
			return nil, err
		}
	}
	return k, nil
}

func (k *Kit) seal(p Plan) (err error) {
	if !p.Needs.Secrets {
		return nil
	}
	keys := p.Keys
	if keys == nil {
		keys = p.Settings.Keys
	}
	if k.Sealer, err = secret.Follow(keys); err != nil {
		return fault.New(fault.Invalid, "read setting", "SECRET_KEY", err)
	}
	return nil
}

// open makes the readers by key that are needed.
func (k *Kit) open(ctx context.Context, s Settings, needs Needs) (err error) {
	if needs.Accounts {
		if k.Accounts, err = accounts.Open(ctx, accounts.Settings{JetStream: k.JetStream, Now: k.Now, Logger: k.Log}); err != nil {
			return err
		}
	}
	if needs.Keys {
		if k.Keys, err = keys.Open(ctx, keys.Settings{JetStream: k.JetStream, Now: k.Now, Logger: k.Log}); err != nil {
			return err
		}
		k.Callers = caller.New(caller.Settings{Keys: k.Keys, Now: k.Now, Proxies: s.Proxies})
	}
	return nil
}

// Store returns the use cases that save configuration. The kit must have
// secrets.
func (k *Kit) Store() *store.Store {
	return store.New(store.Deps{
		JetStream: k.JetStream, Catalogue: k.Catalogue, Mail: k.Mail, Sealer: k.Sealer, Rand: k.Rand, Now: k.Now,
	})
}

// Notices returns a desk that tells owners about the work of a service, which
// has to run it.
func (k *Kit) Notices() *notice.Desk {
	return notice.New(notice.Settings{
		JS: k.JetStream, Interval: k.NoticeInterval, Name: k.Directory.Name, Log: k.Log, Now: k.Now,
	})
}

// Member returns a service as a member of a process, seen on NATS while it
// runs. Its name is that of its NATS user.
func (k *Kit) Member(name string, s process.Service) process.Member {
	return fleet.Berth{NATS: k.NATS, Instance: k.Instance, Log: k.Log}.Member(name, s)
}

// On returns the kit on a connection of its own. What is watched and read by key
// stays shared, and closing that is left to k.
func (k *Kit) On(l Link) *Kit {
	own := *k
	own.NATS, own.JetStream = l.NATS, l.JetStream
	return &own
}

// Close ends the watching of the configuration.
func (k *Kit) Close() {
	if k.Directory != nil {
		k.Directory.Close()
	}
	if k.Accounts != nil {
		k.Accounts.Close()
	}
	if k.Keys != nil {
		k.Keys.Close()
	}
}

// instance draws a name for this process.
func instance() string {
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
