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
	"fmt"
	"io"
	"runtime/debug"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/web"
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
	server, err := web.Listen(ctx, p.settings.HealthAddr, Health(g))
	if err != nil {
		return fmt.Errorf("HEALTH_ADDR: %w", err)
	}
	p.Log.Info().Stringer("address", server.Addr()).Msg("health")
	defer p.serve(ctx, server)()
	return g.Run(ctx)
}

// serve answers until the returned function is called, which waits.
func (p *Process) serve(ctx context.Context, s *web.Server) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Run(ctx); err != nil {
			p.Log.Error().Err(err).Msg("health")
		}
	}()
	return func() {
		cancel()
		<-done
	}
}
