package scheduler

import (
	"context"
	"time"

	"github.com/billhook/billhook/streams/pool"
)

// Pauses before a plan that could not be fired is tried again.
const (
	pauseStep = 200 * time.Millisecond
	pauseMost = 5 * time.Second
)

// due fires the plan whose timer went off. A failure gives the task back after
// a pause.
func (s *Service) due(ctx context.Context, t *pool.Task) {
	key := string(t.Data)
	err := s.firer.Due(ctx, key)
	if err == nil {
		err = t.Done(ctx)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	s.deps.Logger.Warn().Err(err).Str("plan", key).Int("delivered", t.Delivered).Msg("plan not fired; trying again")
	pause := time.NewTimer(min(time.Duration(t.Delivered)*pauseStep, pauseMost))
	defer pause.Stop()
	select {
	case <-ctx.Done():
	case <-pause.C:
	}
	if err := t.Release(ctx); err != nil && ctx.Err() == nil {
		s.deps.Logger.Info().Err(err).Str("plan", key).Msg("task not given back; it comes again after a while")
	}
}
