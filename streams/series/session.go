package series

import (
	"context"
	"sync"
	"time"

	"github.com/billhook/billhook/streams/internal/order"
	"github.com/billhook/billhook/streams/series/position"
)

// session is what a holder knows from its claim on. Its methods belong to the
// goroutine of Run; attempts and writes are beside and answer by channels.
type session struct {
	*Series
	plan    Plan
	control Control
	tracker *position.Tracker
	lanes   map[string]*lane
	// ready are the heads that may be tried, the oldest event first; waiting
	// are lanes whose heads wait for a retry.
	ready   *order.Queue[*item]
	waiting *order.Queue[wait]
	// wanting are lanes that cannot go on before they are read again.
	wanting map[string]*lane
	// kept are the ids of the unfinished deliveries of which bytes are kept, by
	// sequence; also by an attempt of which no outcome tells.
	kept map[uint64]string
	held int
	// hold is before when no attempt is made at all.
	hold time.Time

	reading
	running  int
	results  chan *result
	pending  []*result
	written  chan error
	group    []*result // under way; nil when no write is
	copied   time.Time
	dirty    bool
	idle     time.Time // since when there has been nothing to do
	stopping bool
	changed  bool // the plan
	crowded  bool
	began    time.Time // Run
}

// wait is an entry of the lanes that wait.
type wait struct {
	at   time.Time
	lane *lane
}

// takeOver claims the series and finds where to go on.
func (s *Series) takeOver(ctx context.Context) (*session, error) {
	plan := s.newest()
	at, err := s.ground.ledger.claim(ctx, position.Position{Watermark: plan.Start})
	if err != nil {
		return nil, err
	}
	s.fault(FaultNoted)
	out := &session{
		Series: s, plan: plan, tracker: position.Track(at), kept: map[uint64]string{},
		results: make(chan *result, s.cfg.Limits.Parallel), written: make(chan error, 1), copied: s.deps.Now(),
		// Without a copy, the next start would have to look at it by itself.
		dirty: true,
	}
	s.log.Debug().Uint64("epoch", at.Epoch).Uint64("watermark", at.Watermark).Int("lanes", len(at.Lanes)).Msg("series taken over")
	if err := out.adopt(ctx); err != nil {
		return nil, err
	}
	out.reset()
	return out, nil
}

// adopt finds what a former holder kept. What belongs to a finished delivery
// is a leftover of a crash.
func (s *session) adopt(ctx context.Context) error {
	refs, err := s.ground.heads.list(ctx)
	if err != nil {
		return err
	}
	for i := range refs {
		ref := &refs[i]
		if s.tracker.Now().Finished(s.plan.lane(ref.Account), ref.EventSeq) {
			s.forget(ctx, ref.ID)
			continue
		}
		s.kept[ref.EventSeq] = ref.ID
	}
	return nil
}

// reset makes the lanes anew from the position. Nothing may be under way.
func (s *session) reset() {
	s.tracker = position.Track(s.tracker.Position())
	s.lanes, s.wanting, s.held = map[string]*lane{}, map[string]*lane{}, 0
	s.ready = order.By(func(a, b *item) bool { return a.seq < b.seq })
	s.waiting = order.By(func(a, b wait) bool { return a.at.Before(b.at) })
	for name, at := range s.tracker.Now().Lanes {
		l := &lane{name: name, again: at.First, next: at.Next}
		s.lanes[name] = l
		if at.Kept != "" {
			l.held = []*item{{seq: at.First, lane: l, kept: at.Kept, attempts: at.Attempts}}
			l.again++
			if !l.waits() {
				s.held++
			}
		}
		s.place(l)
	}
}

// place puts a lane where it belongs after any change.
func (s *session) place(l *lane) {
	delete(s.wanting, l.name)
	switch {
	case l.busy || l.queued:
	case l.waits():
		s.waiting.Push(wait{l.next, l})
	case len(l.held) > 0:
		l.queued = true
		s.ready.Push(l.held[0])
	case l.again > 0:
		s.wanting[l.name] = l
	default:
		delete(s.lanes, l.name)
	}
}

// run works until there is nothing to do.
func (s *session) run(ctx context.Context) (Rest, error) {
	ctx, cancel := context.WithCancel(ctx)
	var work sync.WaitGroup
	defer work.Wait()
	defer s.closeAll(ctx)
	defer cancel()
	s.idle, s.began = time.Time{}, s.deps.Now()
	for {
		if err := s.turn(ctx, &work); err != nil {
			return Rest{}, err
		}
		rest, done, err := s.rest(ctx)
		if err != nil {
			return Rest{}, err
		}
		if done {
			return rest, s.save(ctx)
		}
		if err := s.await(ctx); err != nil {
			return Rest{}, err
		}
	}
}

// turn begins whatever can be begun.
func (s *session) turn(ctx context.Context, work *sync.WaitGroup) error {
	s.listen()
	s.wake()
	if s.halting() && s.quiet() {
		if err := s.apply(ctx); err != nil {
			return err
		}
	}
	if !s.halting() && !s.yielding() {
		if err := s.read(ctx); err != nil {
			return err
		}
		s.dispatch(ctx, work)
	}
	s.store(ctx, work)
	return nil
}

// quiet reports whether nothing is under way.
func (s *session) quiet() bool { return s.running == 0 && len(s.pending) == 0 && s.group == nil }

// wake moves the lanes whose time has come.
func (s *session) wake() {
	now := s.deps.Now()
	for s.waiting.Len() > 0 && !s.waiting.First().at.After(now) {
		w := s.waiting.Pop()
		if w.lane.next.Equal(w.at) && s.lanes[w.lane.name] == w.lane && !w.lane.busy {
			w.lane.next = time.Time{}
			s.held++
			s.place(w.lane)
		}
	}
}

// dispatch begins attempts, the oldest event first.
func (s *session) dispatch(ctx context.Context, work *sync.WaitGroup) {
	if s.deps.Now().Before(s.hold) {
		return
	}
	for s.ready.Len() > 0 && s.running < s.cfg.Limits.Parallel {
		it := s.ready.Pop()
		it.lane.queued, it.lane.busy = false, true
		s.running++
		head, known := s.plan.head(), s.control.Number
		work.Go(func() {
			r := s.try(ctx, it, head)
			r.known = known
			s.results <- r
		})
	}
}

// await waits for the next thing to happen.
func (s *session) await(ctx context.Context) error {
	timer := time.NewTimer(s.until())
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.nudged:
	case r := <-s.results:
		s.running--
		return s.ended(r)
	case err := <-s.written:
		if err != nil {
			return err
		}
		s.stored()
	case <-s.frontReady():
		return s.takeFront()
	case <-s.backReady():
		s.takeBack(ctx)
	case err := <-failures(s.front):
		s.interrupted(ctx, err)
	case err := <-failures(s.back):
		s.interrupted(ctx, err)
	case <-timer.C:
	}
	return nil
}

// until is how long there is to wait if nothing happens.
func (s *session) until() time.Duration {
	now := s.deps.Now()
	d := lookEvery
	sooner := func(at time.Time) {
		if !at.IsZero() {
			d = max(0, min(d, at.Sub(now)))
		}
	}
	if s.waiting.Len() > 0 {
		sooner(s.waiting.First().at)
	}
	if s.hold.After(now) {
		sooner(s.hold)
	}
	if !s.idle.IsZero() {
		sooner(s.idle.Add(s.linger()))
	}
	if s.crowded && !s.yielding() {
		sooner(s.turnEnds())
	}
	return d
}

// lookEvery is how often a series looks around when nothing happens.
const lookEvery = 10 * time.Second
