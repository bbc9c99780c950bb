package ingest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
)

// Limits of the service's own server.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	writeTimeout  = 60 * time.Second
	idleTimeout   = 2 * time.Minute
	headerBytes   = 16 << 10
	// stopTimeout is how long requests under way may take at the end.
	stopTimeout = 5 * time.Second
)

// listener is the service's own HTTP server; nil where it has none.
type listener struct {
	logger  zerolog.Logger
	address net.Addr
	server  *http.Server
	// ended receives why the server ended, once.
	ended chan error
}

// listen serves the inlet where the configuration names an address.
func (s *Service) listen(ctx context.Context) (*listener, error) {
	if s.cfg.HTTPAddr == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.cfg.HTTPAddr)
	if err != nil {
		return nil, fault.New(fault.Invalid, "listen for events", s.cfg.HTTPAddr, err)
	}
	l := &listener{
		logger: s.deps.Logger, address: ln.Addr(), ended: make(chan error, 1),
		server: &http.Server{
			Handler: s.inlet, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
			WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: headerBytes,
		},
	}
	go func() { l.ended <- l.server.Serve(ln) }()
	s.deps.Logger.Info().Stringer("address", ln.Addr()).Msg("events are taken in over http")
	return l, nil
}

// failed receives when the server ends by itself.
func (l *listener) failed() <-chan error {
	if l == nil {
		return nil
	}
	return l.ended
}

// stop lets requests under way end, then closes what is left, and waits for
// the server, unless it has ended before.
func (l *listener) stop(ctx context.Context, ended bool) {
	if l == nil || ended {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		_ = l.server.Close()
	}
	if err := <-l.ended; !errors.Is(err, http.ErrServerClosed) {
		l.logger.Warn().Err(err).Msg("http server ended badly")
	}
}
