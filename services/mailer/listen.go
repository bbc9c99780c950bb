package mailer

import (
	"context"
	"fmt"
	"net/http"

	"github.com/billhook/billhook/services/mailer/internal/unsubscribe"
	"github.com/billhook/billhook/shared/web"
)

// Path is where [Service.Handler] wants to be mounted, as a pattern of
// [http.ServeMux].
const Path = unsubscribe.Path

// Handler answers the links by which readers unsubscribe, for a server that
// serves more than it.
func (s *Service) Handler() http.Handler { return s.readers }

// listen serves the handler where the configuration names an address, and links
// are made.
func (s *Service) listen(ctx context.Context) (*web.Beside, error) {
	if s.cfg.UnsubscribeURL == "" {
		return nil, nil
	}
	l, err := web.ServeBeside(ctx, s.cfg.HTTPAddr, s.readers)
	if err != nil {
		return nil, fmt.Errorf("MAILER_HTTP_ADDR: %w", err)
	}
	if l != nil {
		s.deps.Logger.Info().Stringer("address", l.Addr()).Msg("readers may unsubscribe over http")
	}
	return l, nil
}
