package cursor

import (
	"context"
	"errors"

	"github.com/billhook/billhook/shared/fault"
)

// looker compares, now and then, how far the server has read for a reader with
// how far retention has come.
//
// A gap cannot be missed: if retention was ahead of the reading at any moment
// between two looks, then the stream's beginning at the second look is behind
// what the reading had reached at the first.
type looker struct {
	s *Session
	r *reader
	// reached is what the server had read at the last look.
	reached uint64
}

// now looks. It also moves the position over messages that the filters leave
// out, once everything that was delivered is handled: else an idle cursor's
// position would fall behind retention and look like a gap.
func (l *looker) now(ctx context.Context) error {
	ends, err := l.s.c.ends(ctx)
	if err != nil {
		return l.passing(ctx, err)
	}
	if ends.FirstSeq > l.reached+1 {
		if err := l.s.c.gap(ctx, Gap{After: l.reached, First: ends.FirstSeq, Last: ends.LastSeq}); err != nil {
			return l.passing(ctx, err)
		}
		l.reached = ends.FirstSeq - 1
	}
	info, err := l.r.consumer.Info(ctx)
	if err != nil {
		return errors.Join(errReader, err)
	}
	l.reached = max(l.reached, info.Delivered.Stream)
	if info.Delivered.Consumer == l.r.handled && info.Delivered.Stream > l.s.mark.Position {
		l.s.mark.Position, l.s.dirty = info.Delivered.Stream, true
	}
	return nil
}

// passing lets an error that may pass be found again at the next look.
func (l *looker) passing(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if fault.KindOf(err) == fault.Unavailable {
		l.s.c.log.Warn().Err(err).Msg("cursor could not look at its stream; trying again")
		return nil
	}
	return err
}
