package allinone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/billhook/billhook/services/ingest"
)

// server is the all-in-one's HTTP server, as a member of its group.
type server struct {
	listener net.Listener
	mux      *http.ServeMux
	ready    chan struct{}
}

func listen(ctx context.Context, addr string, events http.Handler) (*server, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	s := &server{listener: l, mux: http.NewServeMux(), ready: make(chan struct{})}
	s.mux.Handle(ingest.Path, events)
	return s, nil
}

// health answers on /livez and /readyz. It must be called before Run.
func (s *server) health(h http.Handler) {
	s.mux.Handle("/livez", h)
	s.mux.Handle("/readyz", h)
}

// Ready implements process.Service.
func (s *server) Ready() <-chan struct{} { return s.ready }

// Run implements process.Service.
func (s *server) Run(ctx context.Context) error {
	web := &http.Server{
		Handler: s.mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if web.Shutdown(grace) != nil {
			_ = web.Close()
		}
	})
	close(s.ready)
	err := web.Serve(s.listener)
	if !stop() {
		<-stopped
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve HTTP: %w", err)
}
