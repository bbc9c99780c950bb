// Package process is the frame of a service process: settings, logger,
// signals, health and the order in which services start and stop. A service's
// main is what it adds to that. It refuses to know any service, and to read
// the environment anywhere but in [Load].
//
// It depends on caarlos0/env for the parsing of single settings and on zerolog
// for logs: both are the product's choice everywhere, and the frame is where
// they are chosen.
package process

import (
	"context"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
)

// Process is what a main gets from the frame.
type Process struct {
	// Name is the name of the program in logs.
	Name string
	// Log is the process's logger. Parts derive theirs from it.
	Log zerolog.Logger

	settings Settings
}

// New returns the frame of a process that logs to w.
func New(name string, s Settings, w io.Writer) *Process {
	return &Process{Name: name, Log: s.logger(name, w), settings: s}
}

// Run sets the pace of garbage collection, which is the process's, and runs
// the members as a [Group] until ctx is cancelled or one of them fails. It
// serves health on the way where HEALTH_ADDR names an address.
// Health answers from before the first member starts until after the last one
// stopped.
func (p *Process) Run(ctx context.Context, members ...Member) error {
	debug.SetGCPercent(p.settings.GCPercent)
	g := NewGroup(p.Log, members...)
	if p.settings.HealthAddr == "" {
		return g.Run(ctx)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", p.settings.HealthAddr)
	if err != nil {
		return fault.New(fault.Invalid, "listen for health", p.settings.HealthAddr, err)
	}
	p.Log.Info().Stringer("address", ln.Addr()).Msg("health")
	stop := p.serve(ln, Health(g))
	defer stop()
	return g.Run(ctx)
}

// serve answers on ln until the returned function is called, which waits.
func (p *Process) serve(ln net.Listener, h http.Handler) (stop func()) {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(ln); err != nil && err != http.ErrServerClosed {
			p.Log.Error().Err(err).Msg("health")
		}
	}()
	return func() {
		_ = server.Close()
		<-done
	}
}
