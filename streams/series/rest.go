package series

import (
	"context"
	"time"
)

// Rest says why a series has nothing to do.
type Rest struct {
	// Through is the sequence of EVENTS up to which everything was looked at.
	// A matching event beyond it wakes the series, unless it is Blocked.
	Through uint64
	// Next is when there is something to do in any case; zero when only an
	// event, a control or a change of the plan can bring it.
	Next time.Time
	// Paused is true when the operator, the policy [Pause] or [Series.Stop]
	// stopped it: no event wakes it.
	Paused bool
	// Blocked is true when it waits for Next whatever comes.
	Blocked bool
}

// turnEnds is when the series makes room for others.
func (s *session) turnEnds() time.Time { return s.began.Add(s.cfg.Limits.Turn) }

// yielding reports whether the series begins nothing more in this run.
func (s *session) yielding() bool { return s.crowded && !s.deps.Now().Before(s.turnEnds()) }

// linger is how long to wait for more.
func (s *session) linger() time.Duration {
	if s.crowded {
		return 0
	}
	return s.cfg.Limits.Linger
}

// rest finds out whether there is nothing to do, and when there will be.
func (s *session) rest(ctx context.Context) (Rest, bool, error) {
	r := Rest{Through: s.tracker.Reach()}
	if s.halting() {
		r.Paused = true
		return r, s.quiet(), nil
	}
	now := s.deps.Now()
	if s.busy() {
		s.idle, r.Next = time.Time{}, now
		return r, s.yielding() && s.quiet(), nil
	}
	switch {
	case s.hold.After(now):
		r.Next = s.hold
	case s.waiting.Len() > 0:
		r.Next = s.waiting.First().at
	}
	if !r.Next.IsZero() && r.Next.Sub(now) <= s.linger() {
		s.idle = time.Time{}
		return r, false, nil
	}
	if !s.eager() {
		s.idle, r.Blocked = time.Time{}, true
		return r, !r.Next.IsZero(), nil
	}
	if s.idle.IsZero() {
		s.idle = now
	}
	if now.Sub(s.idle) < s.linger() {
		return r, false, nil
	}
	return s.caughtUp(ctx, r)
}

// caughtUp asks whether there is really nothing more to read, and moves over
// what the filters leave out: else the position of an idle subscription would
// fall behind retention and look like a gap.
func (s *session) caughtUp(ctx context.Context, r Rest) (Rest, bool, error) {
	e, err := s.ground.events.ends(ctx, s.plan.Filters)
	if err != nil {
		return r, false, err
	}
	if e.Newest > s.tracker.Reach() {
		s.idle, r.Next = time.Time{}, s.deps.Now() // it is on its way
		return r, s.yielding(), nil
	}
	if e.Last > s.tracker.Reach() {
		s.tracker.Read(e.Last)
		s.dirty = true
	}
	r.Through = s.tracker.Reach()
	return r, true, nil
}

// busy reports whether something is under way or can be begun.
func (s *session) busy() bool {
	if !s.quiet() || s.back != nil || len(s.wanting) > 0 {
		return true
	}
	return s.ready.Len() > 0 && !s.hold.After(s.deps.Now())
}
