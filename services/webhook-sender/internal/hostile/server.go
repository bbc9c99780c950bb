// Package hostile has receivers of webhooks for tests, each of which misbehaves
// in one way, with the reason that the outcome has to give. The same ones play
// against the client alone and against the whole service.
package hostile

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Server hands each connection that comes in, before any TLS, to a function
// that misbehaves.
type Server struct {
	listener net.Listener
	work     sync.WaitGroup
	came     atomic.Int64
	open     atomic.Int64
}

// Listen starts a server on a loopback port.
func Listen(t testing.TB, talk func(*net.TCPConn)) *Server {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{listener: l}
	s.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.came.Add(1)
			s.open.Add(1)
			s.work.Go(func() {
				defer s.open.Add(-1)
				defer func() { _ = c.Close() }()
				if tcp, ok := c.(*net.TCPConn); ok {
					talk(tcp)
				}
			})
		}
	})
	t.Cleanup(s.Close)
	return s
}

// Addr is where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Came is how many connections have come in.
func (s *Server) Came() int { return int(s.came.Load()) }

// Close stops listening, and returns when the last connection is over: those
// that are held open are, when the other side has closed them.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.work.Wait()
}
