package smtp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	server "github.com/emersion/go-smtp"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/secret"
)

// script is a server that answers as a test wants.
type script struct {
	mu       sync.Mutex
	sessions int
	letters  []string
	dropped  int

	// mail, rcpt and data answer the commands; nil accepts.
	mail func() error
	rcpt func(to string) error
	data func() error
	// dropAfterDot closes the connection instead of answering the final dot,
	// that many times.
	dropAfterDot int
	conns        []net.Conn
}

func (s *script) NewSession(c *server.Conn) (server.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	s.conns = append(s.conns, c.Conn())
	return &scripted{s, c}, nil
}

type scripted struct {
	*script
	conn *server.Conn
}

func (s *scripted) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *scripted) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user == "acme" && password == "right" {
			return nil
		}
		return server.ErrAuthFailed
	}), nil
}

func (s *scripted) Mail(string, *server.MailOptions) error {
	if s.mail != nil {
		return s.mail()
	}
	return nil
}

func (s *scripted) Rcpt(to string, _ *server.RcptOptions) error {
	if s.rcpt != nil {
		return s.rcpt(to)
	}
	return nil
}

func (s *scripted) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dropped < s.dropAfterDot {
		s.dropped++
		return s.conn.Conn().Close()
	}
	if s.data != nil {
		return s.data()
	}
	s.letters = append(s.letters, string(b))
	return nil
}

func (s *scripted) Reset()        {}
func (s *scripted) Logout() error { return nil }

// bench is a running script and a pool that reaches it.
type bench struct {
	pool   *smtp.Pool
	server smtp.Server
	script *script
	clock  *clock
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) Advance(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

func setup(t *testing.T, s *script, withTLS bool) *bench {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	cert, root := web.TLS.Certificates[0], web.Certificate()
	web.Close()

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := server.NewServer(s)
	if withTLS {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })

	roots := x509.NewCertPool()
	roots.AddCert(root)
	c := &clock{now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	pool := smtp.NewPool(smtp.Config{
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, l.Addr().String())
		},
		RootCAs: roots, HelloName: "billhook.test", Connections: 2,
		IdleTime: time.Minute, Age: 10 * time.Minute, Timeout: 10 * time.Second, Now: c.Now,
	})
	t.Cleanup(pool.Close)
	return &bench{pool: pool, script: s, clock: c, server: smtp.Server{
		Key: "acme.main.1", Host: "example.com", Port: 25, Username: "acme", Password: secret.NewText("right"), TLS: smtp.TLSMandatory,
	}}
}
