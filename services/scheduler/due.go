package scheduler

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/plan/stored"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/services/scheduler/internal/firing"
	"github.com/billhook/billhook/services/scheduler/internal/turns"
	"github.com/billhook/billhook/streams/pool"
)

// Pauses before what could not be fired is tried again.
const (
	pauseStep = 200 * time.Millisecond
	pauseMost = 5 * time.Second
)

// begin takes a task whose timer went off. What is late queues here, in the
// order in which the timers went off.
func (s *Service) begin(ctx context.Context, t *pool.Task, work *sync.WaitGroup) {
	m, err := stored.MomentOf(t.Subject)
	if err != nil {
		s.deps.Logger.Error().Err(err).Msg("not a timer; passed over")
		work.Go(func() { _ = t.Done(ctx) }) // it is sent again when that failed
		return
	}
	var turn *turns.Ticket
	if s.firer.Late(m) {
		turn = s.turns.Join(m)
	}
	work.Go(func() { s.due(ctx, t, m, turn) })
}

// due fires what is due at a moment. A failure gives the task back after a
// pause.
func (s *Service) due(ctx context.Context, t *pool.Task, m timer.Moment, turn *turns.Ticket) {
	err := s.fire(ctx, m, turn)
	if err == nil {
		err = t.Done(ctx)
	}
	if err == nil {
		err = s.timer.Passed(ctx, m, t.Seq)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	level := zerolog.WarnLevel
	if errors.Is(err, firing.ErrUnread) {
		level = zerolog.DebugLevel // as a rule a second of patience
	}
	s.deps.Logger.WithLevel(level).Err(err).Str("timer", t.Subject).Int("delivered", t.Delivered).Msg("due events not fired; trying again")
	pause(ctx, min(time.Duration(t.Delivered)*pauseStep, pauseMost))
	if err := t.Release(ctx); err != nil && ctx.Err() == nil {
		s.deps.Logger.Info().Err(err).Str("timer", t.Subject).Msg("task not given back; it comes again after a while")
	}
}

// fire fires what is due at a moment. One that has not come is waited for, or
// its timer is set again. What is late goes one after another, the earliest
// first.
func (s *Service) fire(ctx context.Context, m timer.Moment, turn *turns.Ticket) error {
	if turn != nil {
		end, err := turn.Wait(ctx)
		if err != nil {
			return err
		}
		defer end()
	}
	err := s.firer.Due(ctx, m)
	if !errors.Is(err, firing.ErrEarly) {
		return err
	}
	pause(ctx, min(m.Time().Sub(s.deps.Now()), pauseMost))
	if err = s.firer.Due(ctx, m); errors.Is(err, firing.ErrEarly) {
		return s.timer.Arm(ctx, m)
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
