package cursor

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/leader"
)

// look compares, now and then, how far each reading has come with the ends of
// the stream, and moves places over messages that the filters leave out: else
// the position of an idle cursor would fall behind retention and look like a
// gap.
//
// A gap cannot be missed: if retention was ahead of a reading at any moment
// between two looks, then the stream's beginning at the second look is behind
// what the reading had reached at the first.
func (s *Session) look(ctx context.Context) error {
	err := s.lookOnce(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case fault.KindOf(err) == fault.Unavailable:
		s.c.log.Warn().Err(err).Msg("cursor could not look at its stream; trying again")
		return nil
	default:
		return err
	}
}

func (s *Session) lookOnce(ctx context.Context) error {
	info, err := s.c.stream(ctx)
	if err != nil {
		return err
	}
	ends := info.State
	s.pressed = filling(info)
	for _, r := range s.all() {
		if s.c.cfg.Purged {
			r.reached = max(r.reached, r.Position)
		}
		if ends.FirstSeq > r.reached+1 {
			if err := s.c.gap(ctx, Gap{Key: r.key, After: r.reached, First: ends.FirstSeq, Last: ends.LastSeq}); err != nil {
				return err
			}
		}
		r.reached = max(r.reached, r.Position, r.reader.Last(), ends.FirstSeq-min(1, ends.FirstSeq))
	}
	return s.advance(ctx, ends.LastSeq)
}

// filling reports whether a stream that refuses what is too much for it is more
// than half full. Then nobody waits for the sake of others: all would be refused.
func filling(s *jetstream.StreamInfo) bool {
	limit := s.Config.MaxBytes
	return s.Config.Discard == jetstream.DiscardNew && limit > 0 && s.State.Bytes > uint64(limit)/2
}

// advance moves the main place to the end that the stream had before the newest
// message of the filters was looked up, if that message is handled; and says of
// the keys that lag of which nothing is left that they have caught up.
func (s *Session) advance(ctx context.Context, end uint64) error {
	for _, l := range s.lanes {
		done, err := s.exhausted(ctx, l)
		if err != nil {
			return err
		}
		if done {
			// What was stored in part is gone as well.
			l.place, l.skipped = place{Position: l.Position}, 0
			s.caughtUp(l)
		}
	}
	if len(s.main.filters) == 0 || end <= s.main.Position {
		return nil
	}
	done, err := s.exhausted(ctx, s.main)
	if err == nil && done {
		s.main.place, s.dirty = place{Position: end}, true
	}
	return err
}

// exhausted reports whether the stream has nothing for r behind its position,
// and r has received nothing from there that is gone since.
func (s *Session) exhausted(ctx context.Context, r *reading) (bool, error) {
	if r.reader.Last() > r.Position {
		return false, nil
	}
	for _, f := range r.filters {
		m, err := leader.Last(ctx, s.c.deps.JS, s.c.cfg.Stream, f)
		if err != nil {
			return false, fault.New(fault.Unavailable, "read newest", f, err)
		}
		if m.Seq > r.Position {
			return false, nil
		}
	}
	return true, nil
}
