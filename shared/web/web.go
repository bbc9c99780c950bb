// Package web serves HTTP with a bound on everything that a client can drag
// out: headers, bodies, answers and idle connections. It refuses to route: it
// is given one handler.
package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/billhook/billhook/shared/fault"
)

// The limits of every server.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute
	headerBytes   = 16 << 10
	// stopTimeout is how long requests under way may take at the end.
	stopTimeout = 5 * time.Second
)

// Server is a server that listens already. It is a service of package process.
type Server struct {
	listener net.Listener
	server   *http.Server
	ready    chan struct{}
}

// Listen opens addr ("host:port", port 0 for any free one) for h. The error is
// of kind Unavailable where somebody else has the port, else Invalid. A server
// that never runs has to be closed.
func Listen(ctx context.Context, addr string, h http.Handler) (*Server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fault.New(kind(err), "listen for http", addr, err)
	}
	return &Server{
		listener: l, ready: make(chan struct{}),
		server: &http.Server{
			Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
			WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		},
	}, nil
}

func kind(err error) fault.Kind {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.Unavailable
	}
	return fault.Invalid
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Ready is closed once Run serves.
func (s *Server) Ready() <-chan struct{} { return s.ready }

// Run serves until ctx ends; requests under way then have 5 s to end before
// they are cut off. It returns nil, or why it stopped serving before; and only
// when no handler runs any more, unless one ignores its cut connection. It may
// be called once.
func (s *Server) Run(ctx context.Context) error {
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
		defer cancel()
		if s.server.Shutdown(grace) != nil {
			_ = s.server.Close()
		}
	})
	close(s.ready)
	err := s.server.Serve(s.listener)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fault.New(fault.Unavailable, "serve http", s.Addr().String(), err)
}

// Close ends the listening of a server that never ran.
func (s *Server) Close() { _ = s.listener.Close() }
