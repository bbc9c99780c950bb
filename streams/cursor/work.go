package cursor

import (
	"context"
	"errors"
	"sync"
	"time"
)

// checkpointEvery is how long a position may go unstored. Outputs tell the
// position anyway; this bounds how many messages without outputs are handled
// again after a crash.
const checkpointEvery = time.Second

// work reads and handles until ctx ends or the session fails.
func (s *Session) work(ctx context.Context) error {
	for {
		err := s.readOnce(ctx)
		if !errors.Is(err, errReader) {
			return err
		}
		s.c.log.Info().Err(err).Msg("reading again")
		if err := s.refit(ctx); err != nil {
			return err
		}
	}
}

// readOnce works with one reader until it is interrupted.
func (s *Session) readOnce(ctx context.Context) error {
	r, err := s.read(ctx)
	if err != nil {
		return err
	}
	defer r.close(ctx, s)
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { r.watch(watching) })
	defer wg.Wait()
	defer stop()
	return s.drain(ctx, r)
}

// refit looks for a gap before reading again from the position.
func (s *Session) refit(ctx context.Context) error {
	ends, err := s.c.ends(ctx)
	if err != nil {
		return err
	}
	return s.fit(ctx, ends)
}

// drain handles what the reader brings until something ends it.
func (s *Session) drain(ctx context.Context, r *reader) error {
	look := &looker{s: s, r: r, reached: s.mark.Position}
	looks := time.NewTicker(s.c.cfg.Look)
	defer looks.Stop()
	checkpoints := time.NewTimer(checkpointEvery)
	defer checkpoints.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.c.cfg.Wake:
			err = s.wake(ctx)
		case <-r.ready:
			err = s.step(ctx, r.take(s.c.cfg.BatchMax))
		case err = <-r.failed:
		case <-checkpoints.C:
			err = s.lazily(ctx)
			checkpoints.Reset(checkpointEvery)
		case <-looks.C:
			err = look.now(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// step handles messages until it succeeds, then stores the outputs.
func (s *Session) step(ctx context.Context, msgs []Message) error {
	if len(msgs) == 0 {
		return nil
	}
	steps, err := s.handle(ctx, msgs)
	if err != nil {
		return err
	}
	if err := s.write(ctx, s.tied(msgs, steps)); err != nil {
		return err
	}
	s.mark.Position, s.mark.Source, s.mark.Index = msgs[len(msgs)-1].Seq, 0, 0
	s.dirty = true
	return nil
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
