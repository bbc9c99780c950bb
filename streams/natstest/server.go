// Package natstest runs a NATS server with JetStream inside a test: on a free
// port, with a file store of its own, and able to restart with the same port
// and store. It is a module of its own so that nats-server stays out of
// service builds; it refuses to know any stream of Billhook.
package natstest

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// startTimeout bounds how long a server may take to accept connections, and each
// connection to be accepted.
const startTimeout = 20 * time.Second

// maxPending is how many messages may wait for their acknowledgement. Tests fill
// streams faster than a slow machine stores, and by default what comes when 4,000
// wait fails after 200 ms.
const maxPending = 1 << 20

// AbandonedPublisher is the function on top of a goroutine that is no leak of
// Billhook's, for goleak. Storing a document has nats.go make a publisher and close
// it at once. Its goroutine that has not begun by then waits for ever (nats.go
// 1.55), on no channel; one that has lost no such race ends with its connection.
const AbandonedPublisher = "github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"

// Server is a running server. It ends with the test that started it. Its
// methods belong to the goroutine of that test.
type Server struct {
	// URL is where clients connect. It stays the same over [Server.Restart].
	URL string
	// Dir is the folder of the store. It stays the same too.
	Dir string

	opts  *server.Options
	srv   *server.Server
	conns []*nats.Conn
}

// Option changes how a server is started.
type Option func(*server.Options)

// WithUsers makes the server ask for one of these users' credentials.
func WithUsers(users ...*server.User) Option {
	return func(o *server.Options) { o.Users = users }
}

// WithConfig takes the accounts, their users and the greatest message from a
// configuration file's text. It fails the test where the server cannot read it.
func WithConfig(t testing.TB, text string) Option {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatalf("read nats server configuration: %v", err)
	}
	return func(o *server.Options) { o.Accounts, o.Users, o.MaxPayload = c.Accounts, c.Users, c.MaxPayload }
}

// WithLogin makes the server ask for this user and password, who may publish to
// these subjects only.
func WithLogin(user, password string, publish ...string) Option {
	return WithUsers(&server.User{
		Username: user, Password: password,
		Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: publish}},
	})
}

// WithSyncAlways makes every acknowledgement wait for the disk, as production
// does.
func WithSyncAlways() Option {
	return func(o *server.Options) { o.SyncAlways = true }
}

// WithStore keeps the store in dir, so that a later server finds it again.
func WithStore(dir string) Option {
	return func(o *server.Options) { o.StoreDir = dir }
}

// WithMaxPayload sets the greatest message the server accepts, in bytes.
func WithMaxPayload(bytes int32) Option {
	return func(o *server.Options) { o.MaxPayload = bytes }
}

// Start runs a server until the test ends. It fails the test when the server
// cannot be started.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, NoLog: true, NoSigs: true,
	}
	for _, opt := range opts {
		opt(o)
	}
	if o.StoreDir == "" {
		o.StoreDir = t.TempDir()
	}
	s := &Server{Dir: o.StoreDir, opts: o}
	s.Resume(t)
	o.Port = s.srv.Addr().(*net.TCPAddr).Port
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server and keeps its store and port for [Server.Resume]. It
// returns once the connections of the test have noticed: what is sent on one that
// has not is lost. Stopping twice is allowed.
func (s *Server) Stop() {
	if s.srv == nil {
		return
	}
	s.srv.Shutdown()
	s.srv.WaitForShutdown()
	s.srv = nil
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(startTimeout); slices.ContainsFunc(s.conns, (*nats.Conn).IsConnected) && time.Now().Before(late); {
		<-tick.C
	}
}

// Resume starts a stopped server again, with the same port and store.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	srv, err := server.NewServer(s.opts.Clone())
	if err != nil {
		t.Fatalf("start nats server: %v", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(startTimeout) {
		srv.Shutdown()
		t.Fatalf("start nats server: not ready within %s", startTimeout)
	}
	s.srv, s.URL = srv, srv.ClientURL()
}

// Restart stops the server and starts it again. Memory streams are lost, as
// they are when a broker restarts; clients reconnect by themselves.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.Resume(t)
}

// Conn returns a connection that reconnects for ever and is closed when the
// test ends. The options may name a user.
func (s *Server) Conn(t testing.TB, opts ...nats.Option) *nats.Conn {
	t.Helper()
	all := append([]nats.Option{
		nats.Timeout(startTimeout), nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}, opts...)
	nc, err := nats.Connect(s.URL, all...)
	if err != nil {
		t.Fatalf("connect to nats server: %v", err)
	}
	t.Cleanup(nc.Close)
	s.conns = append(s.conns, nc)
	return nc
}

// JetStream returns a JetStream context on a connection of its own.
func (s *Server) JetStream(t testing.TB, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(s.Conn(t, opts...), jetstream.WithPublishAsyncMaxPending(maxPending))
	if err != nil {
		t.Fatalf("open jetstream: %v", err)
	}
	return js
}

// InProcess returns the option that connects without a socket, as the
// all-in-one does. It holds for the present run of the server.
func (s *Server) InProcess() nats.Option { return nats.InProcessServer(s.srv) }
