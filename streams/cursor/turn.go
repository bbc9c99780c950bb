package cursor

import (
	"context"
	"time"

	"github.com/billhook/billhook/streams/internal/pace"
)

// turn handles a batch of the main reading and then one of a key that lags, as
// far as there is something to take, and has the session look again if there
// was.
func (s *Session) turn(ctx context.Context, to signals) error {
	worked, err := s.mainTurn(ctx, to)
	if err != nil {
		return err
	}
	also, err := s.laneTurn(ctx)
	if worked || also {
		to.again()
	}
	return err
}

func (s *Session) mainTurn(ctx context.Context, to signals) (bool, error) {
	msgs := s.main.reader.Take(s.c.cfg.BatchMax)
	if len(msgs) == 0 {
		return false, nil
	}
	rest := s.pass(s.keyed(msgs))
	// What a former holder stored in part is the main reading's to finish.
	if key := s.crowding(rest); key != "" && s.main.Source == 0 {
		if err := s.setAside(ctx, key, to); err != nil {
			return true, err
		}
		rest = s.pass(rest)
	}
	if err := s.step(ctx, s.main, rest.msgs); err != nil {
		return true, err
	}
	s.main.place, s.dirty = place{Position: msgs[len(msgs)-1].Seq}, true
	s.ahead += len(msgs)
	s.moved = s.c.deps.Now()
	return true, nil
}

const (
	// headStart is how many batches the main reading may pass before a lane has
	// a turn.
	headStart = 4
	// headWait is how long lanes wait for what is on its way to the main
	// reading.
	headWait = 100 * time.Millisecond
	// aloneAfter is when lanes have everything to themselves, once nothing else
	// came: then they are in nobody's way.
	aloneAfter = time.Second
)

// yields reports whether a lane may have a turn: the main reading has seen what
// there is, or has had a head start, or nothing comes to it.
func (s *Session) yields() bool {
	return !s.main.reader.Behind() || s.ahead >= headStart*s.c.cfg.BatchMax || s.c.deps.Now().Sub(s.moved) > headWait
}

// alone reports whether only keys that lag came lately. When reading begins
// nobody knows.
func (s *Session) alone() bool {
	since := s.c.deps.Now().Add(-aloneAfter)
	return s.opened.Before(since) && !s.c.cfg.Lanes.Neighbours.besides("", since)
}

// laneTurn is the turn of the first lane that has something; it is the last one
// next time.
func (s *Session) laneTurn(ctx context.Context) (bool, error) {
	if len(s.lanes) == 0 || s.resting != nil || !s.yields() {
		return false, nil
	}
	began, alone := s.c.deps.Now(), s.alone()
	for range s.lanes {
		l := s.lanes[0]
		s.lanes = append(s.lanes[1:], l)
		most, spare := s.c.cfg.BatchMax, time.Duration(0)
		if !alone {
			most, spare = s.due(l, began)
		}
		msgs := l.reader.Take(most)
		if len(msgs) == 0 {
			continue
		}
		l.turned = began.Add(-spare)
		err := s.step(ctx, l, msgs)
		s.ahead = 0
		// A stream that is full refuses everybody's messages: nobody rests then.
		if !alone && !s.pressed {
			s.resting = time.After(pace.Rest(s.c.deps.Now().Sub(began), most == s.laneBatch()))
		}
		return true, err
	}
	return false, nil
}

// due is how many messages of a lane are due now: a few at a time cost the others
// least, of all that is behind the cursor too. Spare is as [pace.Backlog] has it.
func (s *Session) due(l *reading, now time.Time) (n int, spare time.Duration) {
	messages, oldest := l.reader.Backlog()
	if messages == 0 {
		return 0, 0
	}
	if oldest.IsZero() { // it is on its way
		oldest = now
	}
	lanes := s.c.cfg.Lanes
	b := pace.Backlog{Messages: messages, Least: lanes.Least / float64(lanes.Neighbours.among(l.key, now))}
	if s.rates != nil && !s.pressed {
		b.Left, b.Rate = lanes.Spread-now.Sub(oldest), s.rates.Of(l.key)
	}
	n, spare = b.Due(now.Sub(l.turned))
	return min(n, s.laneBatch()), spare
}

// step handles messages of a reading until it succeeds, then stores the outputs.
func (s *Session) step(ctx context.Context, r *reading, msgs []Message) error {
	if len(msgs) == 0 {
		return nil
	}
	steps, err := s.handle(ctx, msgs)
	if err != nil {
		return err
	}
	if err := s.write(ctx, s.tied(r, msgs, steps)); err != nil {
		return err
	}
	r.place, s.dirty = place{Position: msgs[len(msgs)-1].Seq}, true
	return nil
}
