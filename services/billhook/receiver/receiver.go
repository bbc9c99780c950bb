// Package receiver is a small HTTPS webhook receiver that verifies what it
// gets with the public Standard Webhooks library. It listens on the loopback
// interface only: it is for the demo and for tests.
package receiver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// Received is one request that came in.
type Received struct {
	// Path is the request's path; Header and Body are as received.
	Path   string
	Header http.Header
	Body   []byte
	// Verified is nil when the signature is right.
	Verified error
	At       time.Time
}

// Receiver answers 204 to every request whose signature is right and 401 to
// the others.
type Receiver struct {
	server   *http.Server
	listener net.Listener
	on       func(Received)
	now      func() time.Time

	mu       sync.RWMutex
	verifier map[string]*standardwebhooks.Webhook
}

// Listen opens the receiver on a free loopback port. It calls on for every
// request, from the request's own goroutine.
func Listen(cert tls.Certificate, now func() time.Time, on func(Received)) (*Receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for webhooks: %w", err)
	}
	r := &Receiver{on: on, now: now, verifier: map[string]*standardwebhooks.Webhook{}}
	r.listener = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	r.server = &http.Server{
		Handler: r, ReadHeaderTimeout: 10 * time.Second,
		// A failed handshake shows in the outcome of whoever sent.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return r, nil
}

// Address returns the address that the receiver listens on.
func (r *Receiver) Address() string { return r.listener.Addr().String() }

// Expect makes the receiver verify requests under path with secret
// ("whsec_…").
func (r *Receiver) Expect(path, secret string) error {
	wh, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return fmt.Errorf("expect webhooks at %s: %w", path, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.verifier[path] = wh
	return nil
}

// Run serves until ctx ends.
func (r *Receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.server.Close() })
	defer stop()
	if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve webhooks: %w", err)
	}
	return nil
}

// errUnexpected is given for a path that nobody expects webhooks at.
var errUnexpected = errors.New("no secret is known for this path")

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 1<<20))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	got := Received{Path: req.URL.Path, Header: req.Header, Body: body, At: r.now()}
	r.mu.RLock()
	wh := r.verifier[got.Path]
	r.mu.RUnlock()
	if wh == nil {
		got.Verified = errUnexpected
	} else {
		got.Verified = wh.Verify(body, req.Header)
	}
	r.on(got)
	if got.Verified != nil {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
