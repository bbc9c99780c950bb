package cursor

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/streams/internal/ordered"
)

// checkpointEvery is how long a position may go unstored. Outputs tell the
// position anyway; this bounds how many messages without outputs are handled
// again after a crash.
const checkpointEvery = time.Second

// work reads and handles until ctx ends or the session fails.
func (s *Session) work(ctx context.Context) error {
	for {
		err := s.readOnce(ctx)
		if !errors.Is(err, ordered.ErrInterrupted) {
			return err
		}
		s.c.log.Info().Err(err).Msg("reading again")
		if err := s.refit(ctx); err != nil {
			return err
		}
	}
}

// readOnce works with one set of readers until one of them is interrupted.
func (s *Session) readOnce(ctx context.Context) error {
	to := newSignals()
	defer s.closeAll()
	if err := s.openAll(ctx, to); err != nil {
		return err
	}
	return s.drain(ctx, to)
}

// refit looks for gaps before reading again from the places.
func (s *Session) refit(ctx context.Context) error {
	info, err := s.c.stream(ctx)
	if err != nil {
		return err
	}
	return s.fit(ctx, info.State)
}

// drain handles what the readers bring until something ends it.
func (s *Session) drain(ctx context.Context, to signals) error {
	looks := time.NewTicker(s.c.cfg.Look)
	defer looks.Stop()
	checkpoints := time.NewTimer(checkpointEvery)
	defer checkpoints.Stop()
	returns, stop := s.returns()
	defer stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.c.cfg.Wake:
			err = s.wake(ctx)
		case <-to.ready:
			err = s.turn(ctx, to)
		case <-s.resting:
			s.resting = nil
			err = s.turn(ctx, to)
		case err = <-to.failed:
		case <-returns:
			s.takeBack()
			to.again() // lanes may wait for what does not come
		case <-checkpoints.C:
			err = s.lazily(ctx)
			checkpoints.Reset(checkpointEvery)
		case <-looks.C:
			err = s.look(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// returns ticks when keys that have caught up may go with the others again.
func (s *Session) returns() (<-chan time.Time, func()) {
	if s.c.cfg.Lanes == nil {
		return nil, func() {}
	}
	tick := time.NewTicker(s.c.cfg.Lanes.Linger)
	return tick.C, tick.Stop
}

func (s *Session) handle(ctx context.Context, msgs []Message) ([]Step, error) {
	pause := newPause()
	for {
		steps, err := s.c.handler.Handle(ctx, s, msgs)
		switch {
		case s.fatal != nil:
			return nil, s.fatal
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err == nil && len(steps) == len(msgs):
			return steps, nil
		case err == nil:
			err = errSteps(len(steps), len(msgs))
		}
		s.c.log.Warn().Err(err).Uint64("seq", msgs[0].Seq).Int("messages", len(msgs)).Msg("messages not handled; trying again")
		if pause.wait(ctx, s.c.cfg.Wake) {
			if err := s.wake(ctx); err != nil {
				return nil, err
			}
		}
	}
}

// wake calls Woken until it succeeds.
func (s *Session) wake(ctx context.Context) error {
	pause := newPause()
	for {
		err := s.c.handler.Woken(ctx, s)
		switch {
		case s.fatal != nil:
			return s.fatal
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			return nil
		}
		s.c.log.Warn().Err(err).Msg("waking failed; trying again")
		pause.wait(ctx, s.c.cfg.Wake)
	}
}

// lazily stores the checkpoint if there is something new. A failure that may
// pass is tried again later; outputs are safe without it.
func (s *Session) lazily(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	err := s.Checkpoint(ctx)
	if err == nil || s.fatal != nil {
		return s.fatal
	}
	if ctx.Err() == nil {
		s.c.log.Warn().Err(err).Msg("checkpoint not stored; trying again")
	}
	return nil
}
