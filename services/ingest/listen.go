package ingest

import (
	"context"
	"fmt"

	"github.com/billhook/billhook/shared/web"
)

// listen serves the inlet where the configuration names an address.
func (s *Service) listen(ctx context.Context) (*web.Beside, error) {
	l, err := web.ServeBeside(ctx, s.cfg.HTTPAddr, s.inlet)
	if err != nil {
		return nil, fmt.Errorf("INGEST_HTTP_ADDR: %w", err)
	}
	if l != nil {
		s.deps.Logger.Info().Stringer("address", l.Addr()).Msg("events are taken in over http")
	}
	return l, nil
}
