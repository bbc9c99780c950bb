// Package smtptest is an SMTP server for tests that answers as it is told.
package smtptest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Host is a name that the server's certificate is for; every name below it is
// one too.
const Host = "example.com"

// User and Password are the login that the server takes.
const (
	User     = "acme"
	Password = "right-horse-battery"
)

// Script says how a server answers. A nil function accepts.
type Script struct {
	// Plain is a server without STARTTLS.
	Plain bool
	Auth  func(user, password string) error
	// Mechanisms are the ways to log in; nil means PLAIN.
	Mechanisms []string
	// Most is the largest letter that is taken, in bytes; 0 for no limit.
	Most int64
	Mail func(from string) error
	Rcpt func(to string) error
	// Data is asked before a letter counts as taken.
	Data func(Letter) error
	// DropInData ends the connection before the final dot, when it returns true.
	DropInData func() bool
	// DropAfterDot ends the connection in place of the answer to the final
	// dot, when it returns true.
	DropAfterDot func(Letter) bool
	// Taken is called for every letter that was taken, before the answer.
	Taken func(Letter)
}

// Letter is a letter as the server got it.
type Letter struct {
	From string
	To   []string
	Data string
}

// Server is a running server.
type Server struct {
	// Address is where it listens, Roots verify its certificate.
	Address string
	Roots   *x509.CertPool

	script Script

	mu      sync.Mutex
	letters []Letter
	conns   map[net.Conn]bool
	opened  int
	logins  []string // mechanisms
	took    chan struct{}
}

// Start runs a server until the test ends.
func Start(t testing.TB, s Script) *Server {
	t.Helper()
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	cert, root := web.TLS.Certificates[0], web.Certificate()
	web.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	out := &Server{
		Address: l.Addr().String(), Roots: x509.NewCertPool(), script: s,
		conns: map[net.Conn]bool{}, took: make(chan struct{}, 1),
	}
	out.Roots.AddCert(root)
	srv := smtp.NewServer(out)
	srv.MaxMessageBytes = s.Most
	if !s.Plain {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(l) }()
	// The server knows its listener only once it serves.
	t.Cleanup(func() { _ = srv.Close(); _ = l.Close(); <-served })
	return out
}

// Letters returns the letters taken so far.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// Await returns the letters once there are n, or fails the test.
func (s *Server) Await(ctx context.Context, t testing.TB, n int) []Letter {
	t.Helper()
	for {
		if s.count() >= n {
			return s.Letters()
		}
		select {
		case <-s.took:
		case <-ctx.Done():
			t.Fatalf("%d letters came, want %d", s.count(), n)
		}
	}
}

func (s *Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.letters)
}

// Opened returns how many connections were opened.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Logins returns the mechanisms of the logins that were tried.
func (s *Server) Logins() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.logins...)
}

// Cut ends every open connection.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.Close()
	}
}

// NewSession implements the backend of go-smtp.
func (s *Server) NewSession(c *smtp.Conn) (smtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// A session begins before STARTTLS and another one after it.
	if _, secured := c.TLSConnectionState(); !secured {
		s.opened++
	}
	s.conns[c.Conn()] = true
	return &session{server: s, conn: c}, nil
}

// session gathers one envelope at a time.
type session struct {
	server *Server
	conn   *smtp.Conn
	letter Letter
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if m := s.server.script.Mechanisms; m != nil {
		return m
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	s.server.mu.Lock()
	s.server.logins = append(s.server.logins, mechanism)
	s.server.mu.Unlock()
	return login(mechanism, func(user, password string) error {
		if ask := s.server.script.Auth; ask != nil {
			return ask(user, password)
		}
		if user == User && password == Password {
			return nil
		}
		return smtp.ErrAuthFailed
	})
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.letter = Letter{From: from}
	if ask := s.server.script.Mail; ask != nil {
		return ask(from)
	}
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if ask := s.server.script.Rcpt; ask != nil {
		if err := ask(to); err != nil {
			return err
		}
	}
	s.letter.To = append(s.letter.To, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	if drop := s.server.script.DropInData; drop != nil && drop() {
		return s.conn.Conn().Close()
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.letter.Data = string(data)
	if drop := s.server.script.DropAfterDot; drop != nil && drop(s.letter) {
		return s.conn.Conn().Close()
	}
	if ask := s.server.script.Data; ask != nil {
		if err := ask(s.letter); err != nil {
			return err
		}
	}
	s.server.take(s.letter)
	return nil
}

func (s *Server) take(l Letter) {
	if s.script.Taken != nil {
		s.script.Taken(l)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	select {
	case s.took <- struct{}{}:
	default:
	}
}

// Reset implements smtp.Session.
func (s *session) Reset() {}

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }

// Reply is an answer of the server.
func Reply(code int, text string) error { return &smtp.SMTPError{Code: code, Message: text} }
