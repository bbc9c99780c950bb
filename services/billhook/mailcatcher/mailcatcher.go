// Package mailcatcher is a small SMTP server that keeps nothing and shows
// everything: it hands each message to a function. It listens on the loopback
// interface only: it is for the demo and for tests.
package mailcatcher

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// maxMessage is the greatest message taken, in bytes.
const maxMessage = 10 << 20

// Caught is one message as it came in.
type Caught struct {
	// User is who logged in, From the envelope sender, To the envelope
	// recipients, Data the message.
	User string
	From string
	To   []string
	Data []byte
}

// Catcher is the server.
type Catcher struct {
	server   *smtp.Server
	listener net.Listener
}

// Listen opens the catcher on a free loopback port. It offers STARTTLS with
// cert, takes any login, and calls on for every message.
func Listen(cert tls.Certificate, on func(Caught)) (*Catcher, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{on: on}, nil }))
	s.Domain = "mailcatcher"
	s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	s.MaxMessageBytes = maxMessage
	s.ReadTimeout, s.WriteTimeout = time.Minute, time.Minute
	return &Catcher{server: s, listener: l}, nil
}

// Address returns the address that the catcher listens on.
func (c *Catcher) Address() string { return c.listener.Addr().String() }

// Run serves until ctx ends.
func (c *Catcher) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = c.server.Close() })
	defer stop()
	if err := c.server.Serve(c.listener); err != nil && !errors.Is(err, smtp.ErrServerClosed) {
		return fmt.Errorf("serve mail: %w", err)
	}
	return nil
}

// session is one SMTP session; it gathers an envelope and hands it on.
type session struct {
	on     func(Caught)
	caught Caught
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, _ string) error {
		s.caught.User = username
		return nil
	}), nil
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.caught.From, s.caught.To = from, nil
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.caught.To = append(s.caught.To, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("read message: %w", err)
	}
	s.caught.Data = data
	s.on(s.caught)
	return nil
}

// Reset implements smtp.Session.
func (s *session) Reset() {}

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
