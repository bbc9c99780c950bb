// Package broker runs the NATS server that the all-in-one embeds: JetStream on
// a folder of its own, in-process connections for the services, and, when
// asked, a listener for platforms and the command line.
package broker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/permission"
)

// maxPayload is the greatest message in bytes: the largest event with its
// headers, and a frozen mail.
const maxPayload = 8 << 20

// Config is how the server runs.
type Config struct {
	// StoreDir holds the streams.
	StoreDir string
	// Listen is "host:port" for connections from outside the process; empty
	// for none.
	Listen string
	// SyncAlways makes every acknowledged message survive a power cut. Off,
	// the last two minutes may be lost with the machine, not with the process.
	SyncAlways bool
	// Auth decides about connections from outside; nil refuses all of them.
	Auth Authenticator
}

// Authenticator says what a user with a password may do. It returns false for
// whoever is unknown.
type Authenticator func(user, password string) (Permissions, bool)

// Permissions are the subjects that a user may publish to and subscribe to.
type Permissions struct {
	Publish, Subscribe []string
	// Outsider puts the user into the account of publishers, from which only
	// what platforms publish reaches the streams; see streams/permission.
	Outsider bool
}

// Platform returns what the platform of an owner may do.
func Platform(owner string) Permissions {
	own := permission.Publisher(owner)
	return Permissions{Publish: own.Publish, Subscribe: own.Subscribe, Outsider: true}
}

// PlatformOf returns the owner whose platform has a user name; false for none.
func PlatformOf(user string) (owner string, ok bool) {
	return strings.CutPrefix(user, permission.PublisherUser(""))
}

// Broker is a running server.
type Broker struct {
	server *server.Server
	door   *door
	token  string
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// readyWithin is long: a server that finds much in its store reads all of it
// first, and a slow disk takes its time.
const readyWithin = 2 * time.Minute

// errNotReady is returned when the server does not come up in time.
var errNotReady = errors.New("it did not become ready in " + readyWithin.String())

// Start starts the server and returns when it takes connections. The token
// proves that a connection comes from this process; it must be random.
func Start(cfg Config, token string, logger zerolog.Logger) (*Broker, error) {
	d := &door{auth: cfg.Auth, token: token, guests: map[uint64]guest{}}
	opts := &server.Options{
		ServerName: "billhook", JetStream: true, StoreDir: cfg.StoreDir,
		SyncAlways: cfg.SyncAlways, SyncInterval: 2 * time.Minute,
		MaxPayload: maxPayload, NoSigs: true,
		DontListen:                 cfg.Listen == "",
		JetStreamMaxMemory:         256 << 20,
		CustomClientAuthentication: d,
	}
	if cfg.Listen != "" {
		host, port, err := splitListen(cfg.Listen)
		if err != nil {
			return nil, err
		}
		opts.Host, opts.Port = host, port
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	fatal := make(chan string, 1)
	s.SetLoggerV2(logTo{logger: logger, fatal: fatal}, false, false, false)
	s.Start()
	if err := ready(s, fatal); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fault.New(fault.Unavailable, "start NATS server on", cfg.Listen, err)
	}
	if err := d.open(s); err != nil {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("start broker: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	b := &Broker{server: s, door: d, token: token, stop: stop}
	b.work.Go(func() { d.watch(ctx, s) })
	return b, nil
}

// ready waits until the server takes connections. What keeps it from that, such
// as a port in use, it only says in its log.
func ready(s *server.Server, fatal <-chan string) error {
	for late := time.Now().Add(readyWithin); ; {
		select {
		case text := <-fatal:
			if strings.HasPrefix(text, "Error listening") {
				text += "; the setting NATS_ADDR names another address"
			}
			return errors.New(text)
		default:
		}
		switch {
		case s.ReadyForConnections(time.Second):
			return nil
		case time.Now().After(late):
			return errNotReady
		}
	}
}

func splitListen(listen string) (string, int, error) {
	host, portText, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, fmt.Errorf("broker address %q: %w", listen, err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return "", 0, fmt.Errorf("broker address %q: %w", listen, err)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// Option makes a connection one of this process.
func (b *Broker) Option() nats.Option {
	return func(o *nats.Options) error {
		o.Token = b.token
		return nats.InProcessServer(b.server)(o)
	}
}

// Address returns "host:port" of the listener, empty when there is none.
func (b *Broker) Address() string {
	if a := b.server.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// Close stops the server and waits until its files are written.
func (b *Broker) Close() {
	b.stop()
	b.work.Wait()
	b.server.Shutdown()
	b.server.WaitForShutdown()
}
