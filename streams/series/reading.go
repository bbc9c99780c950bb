package series

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/internal/ordered"
)

// reading are the two readings of a session. The front reads what is new, in
// order, for the lanes that keep up. The back reads again, in one pass, what
// lanes that lag could not hold; it ends where the front is.
type reading struct {
	front, back source
	// passed is how far the back has come. It must come as far as need, and as
	// far as the front has.
	passed, need uint64
	// seen is the last sequence that the front was given.
	seen uint64
	// looked is when the ends of the log were last compared with the reading,
	// and reached how far it had come then.
	looked  time.Time
	reached uint64
}

// room is how many more events may be held.
func (s *session) room() int { return max(0, s.cfg.Limits.Window-s.held) }

// eager reports whether the front may read on: lanes that lag are bounded too,
// and a single lane that waits needs no more.
func (s *session) eager() bool {
	if s.room() == 0 || s.deps.Now().Before(s.hold) {
		return false
	}
	if !s.plan.ByAccount {
		l := s.lanes[""]
		return l == nil || !l.waits() && l.again == 0
	}
	return len(s.tracker.Now().Lanes) < s.cfg.Limits.Blocked+s.cfg.Limits.Parallel
}

// most is how many events one lane may hold.
func (s *session) most() int {
	if !s.plan.ByAccount {
		return s.cfg.Limits.Window
	}
	return max(1, s.cfg.Limits.Window/8)
}

// read begins the readings that are needed.
func (s *session) read(ctx context.Context) error {
	if s.front == nil && s.eager() {
		err := s.fit(ctx)
		if err != nil {
			return err
		}
		if s.front, err = s.ground.events.read(ctx, s.plan.Filters, s.tracker.Reach()); err != nil {
			return err
		}
	} else if err := s.look(ctx); err != nil {
		return err
	}
	if s.back == nil && len(s.wanting) > 0 {
		return s.pass(ctx)
	}
	return nil
}

// fit compares the position with the ends of the log before reading from it.
// What retention removed before it was read is a gap, and so is a log that
// ends earlier than it did: it was made again.
func (s *session) fit(ctx context.Context) error {
	e, err := s.ground.events.ends(ctx, s.plan.Filters)
	if err != nil {
		return err
	}
	at := s.tracker.Reach()
	s.looked, s.reached = s.deps.Now(), at
	switch {
	case e.First > at+1:
		return s.lost(ctx, at, e)
	case e.Last < at && !s.quiet():
		return fault.New(fault.Unavailable, "read", s.cfg.name(), errShorter)
	case e.Last < at:
		if err := s.ground.gap(ctx, at, e); err != nil {
			return err
		}
		s.tracker.Rewind(e.Last + 1)
		s.reset()
		s.dirty = true
	}
	return nil
}

// lost records a gap behind a sequence, and goes on behind it.
func (s *session) lost(ctx context.Context, at uint64, e eventlog.Ends) error {
	if err := s.ground.gap(ctx, at, e); err != nil {
		return err
	}
	s.tracker.Read(e.First - 1)
	s.dirty = true
	return nil
}

// look compares the reading with the beginning of the log now and then. If
// retention was ahead of the reading at any moment between two looks, the
// beginning at the second is behind what had been read at the first.
func (s *session) look(ctx context.Context) error {
	if s.front == nil || s.deps.Now().Sub(s.looked) < lookEvery {
		return nil
	}
	e, err := s.ground.events.ends(ctx, s.plan.Filters)
	if err != nil {
		return err
	}
	before := s.reached
	s.looked, s.reached = s.deps.Now(), s.tracker.Reach()
	if e.First > before+1 {
		return s.lost(ctx, before, e)
	}
	return nil
}

// pass begins to read for those that lag.
func (s *session) pass(ctx context.Context) error {
	e, err := s.ground.events.ends(ctx, s.plan.Filters)
	if err != nil {
		return err
	}
	from := s.tracker.Reach()
	lost := uint64(0)
	for _, l := range s.wanting {
		l.served = true
		from = min(from, l.again-1)
		if l.again < e.First {
			lost, l.again = max(lost, l.again), e.First
		}
	}
	if lost > 0 {
		if err := s.ground.gap(ctx, from, e); err != nil {
			return err
		}
		from = max(from, e.First-1)
	}
	s.passed, s.need = from, min(e.Newest, s.tracker.Reach())
	if s.passed >= s.need {
		s.arrive(ctx)
		return nil
	}
	s.back, err = s.ground.events.read(ctx, s.plan.Filters, from)
	return err
}

// arrive ends a pass: what it served holds all there is up to the front.
func (s *session) arrive(ctx context.Context) {
	for _, l := range s.lanes {
		if !l.served {
			continue
		}
		l.again, l.served = 0, false
		if l.first() == 0 {
			s.tracker.Drop(l.name)
		}
		if !l.waits() {
			s.place(l)
		}
	}
	s.endPass(ctx)
}

// endPass ends the reading for those that lag.
func (s *session) endPass(ctx context.Context) {
	for _, l := range s.lanes {
		l.served = false
	}
	if s.back != nil {
		s.back.Close(ctx)
		s.back = nil
	}
}

// takeFront takes in events that are new.
func (s *session) takeFront() error {
	for _, m := range s.front.Take(s.room()) {
		s.seen = m.Seq
		e, ok := s.match(m)
		if !ok {
			s.tracker.Read(m.Seq)
			continue
		}
		s.arrived(&item{seq: m.Seq, event: e, stored: m.Time})
	}
	s.dirty = true
	return nil
}

// match decodes an event and asks whether it belongs here.
func (s *session) match(m ordered.Message) (*event.Event, bool) {
	e, err := event.Decode(m.Data)
	if err != nil {
		// A defect of whoever wrote it: nobody could deliver it.
		s.log.Error().Err(err).Uint64("seq", m.Seq).Msg("event cannot be read; passed over")
		return nil, false
	}
	_, ok := s.plan.Match(e, m.Seq)
	return e, ok
}

// arrived takes a new event to its lane, or leaves it to be read again.
func (s *session) arrived(it *item) {
	name := s.plan.lane(it.event.Account)
	s.tracker.Open(name, it.seq)
	if at, listed := s.tracker.Now().Lanes[name]; listed && it.seq < at.First {
		return // a former holder finished it
	}
	l := s.lanes[name]
	if l == nil {
		l = &lane{name: name}
		s.lanes[name] = l
	}
	switch {
	case l.again > 0:
		return
	case l.waits() || len(l.held) >= s.most():
		l.again, l.served = it.seq, s.back != nil
		return
	}
	s.take(l, it)
}

// take has a lane hold an event.
func (s *session) take(l *lane, it *item) {
	it.lane = l
	it.kept = s.kept[it.seq]
	l.held = append(l.held, it)
	s.held++
	s.place(l)
}

// takeBack takes in events for lanes that lag, as far as the front has come.
func (s *session) takeBack(ctx context.Context) {
	for _, m := range s.back.Take(max(1, s.room())) {
		if m.Seq <= s.tracker.Reach() {
			s.recur(m)
			s.passed = m.Seq
		} else {
			s.passed = s.tracker.Reach()
		}
		if s.passed >= max(s.need, s.seen) {
			s.arrive(ctx)
			return
		}
	}
}

// recur takes an event that was read before to its lane if that lacks it.
func (s *session) recur(m ordered.Message) {
	e, ok := s.match(m)
	if !ok {
		return
	}
	l := s.lanes[s.plan.lane(e.Account)]
	if l == nil || !l.served || m.Seq < l.again {
		return
	}
	if l.waits() || len(l.held) >= s.most() {
		l.again, l.served = m.Seq, false
		return
	}
	l.again = m.Seq + 1
	s.take(l, &item{seq: m.Seq, event: e, stored: m.Time})
}

func (s *session) frontReady() <-chan struct{} {
	if s.front == nil || !s.eager() {
		return nil
	}
	return s.front.Ready()
}

func (s *session) backReady() <-chan struct{} {
	if s.back == nil || s.room() == 0 {
		return nil
	}
	return s.back.Ready()
}

func failures(r source) <-chan error {
	if r == nil {
		return nil
	}
	return r.Failed()
}

// interrupted has both readings begin again.
func (s *session) interrupted(ctx context.Context, err error) {
	s.log.Info().Err(err).Msg("reading again")
	s.closeAll(ctx)
}

// closeAll ends both readings.
func (s *session) closeAll(ctx context.Context) {
	s.endPass(ctx)
	if s.front != nil {
		s.front.Close(ctx)
		s.front = nil
	}
	s.seen = 0
}

var errShorter = errors.New("the log ends before what was read of it")
