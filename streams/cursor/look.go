package cursor

import (
	"context"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/leader"
)

// looker compares, now and then, how far the reading has come with the ends of
// the stream.
//
// A gap cannot be missed: if retention was ahead of the reading at any moment
// between two looks, then the stream's beginning at the second look is behind
// what the reading had reached at the first.
type looker struct {
	s *Session
	r *reader
	// reached is the last sequence that had been received at the last look.
	reached uint64
}

// now looks, and moves the position over messages that the filters leave out:
// else the position of an idle cursor would fall behind retention and look
// like a gap.
func (l *looker) now(ctx context.Context) error {
	err := l.look(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case fault.KindOf(err) == fault.Unavailable:
		l.s.c.log.Warn().Err(err).Msg("cursor could not look at its stream; trying again")
		return nil
	default:
		return err
	}
}

func (l *looker) look(ctx context.Context) error {
	ends, err := l.s.c.ends(ctx)
	if err != nil {
		return err
	}
	if l.s.c.cfg.Purged {
		l.reached = max(l.reached, l.s.mark.Position)
	}
	if ends.FirstSeq > l.reached+1 {
		if err := l.s.c.gap(ctx, Gap{After: l.reached, First: ends.FirstSeq, Last: ends.LastSeq}); err != nil {
			return err
		}
	}
	l.reached = max(l.reached, l.s.mark.Position, l.r.last(), ends.FirstSeq-min(1, ends.FirstSeq))
	return l.advance(ctx, ends.LastSeq)
}

// advance moves the position to the end that the stream had before the newest
// message of the filters was looked up, if that message is handled.
func (l *looker) advance(ctx context.Context, end uint64) error {
	cfg := l.s.c.cfg
	if len(cfg.Filters) == 0 || end <= l.s.mark.Position {
		return nil
	}
	for _, f := range cfg.Filters {
		m, err := leader.Last(ctx, l.s.c.deps.JS, cfg.Stream, f)
		if err != nil {
			return fault.New(fault.Unavailable, "read newest", f, err)
		}
		if m.Seq > l.s.mark.Position {
			return nil
		}
	}
	l.s.mark.Position, l.s.mark.Source, l.s.mark.Index, l.s.dirty = end, 0, 0, true
	return nil
}
