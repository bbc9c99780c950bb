package slots

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/series"
)

// entry is a subscription of a slot that is held.
type entry struct {
	sub  Subscription
	slot *holding
	// series is kept between its runs while there is room: with it goes the
	// claim that it made.
	series *series.Series
	// through is the sequence up to which everything was looked at, newest the
	// one of the last event that the tail found for it.
	through, newest uint64
	// running is true while the series is at work, queued while it waits for
	// its turn, again when it was woken meanwhile.
	running, queued, again bool
	// blocked is true when it waits for its timer whatever comes.
	paused, blocked, gone bool
	cancel                context.CancelFunc
	timer                 *time.Timer
	failures              int
}

// renew tells the entry, and its series, of a change. The lock is held.
func (s *Slots) renew(e *entry, sub Subscription) {
	s.unlist(e)
	e.sub = sub
	s.list(e)
	if e.series != nil {
		e.series.SetPlan(sub.Plan)
		e.series.SetControl(sub.Control)
	}
}

// add makes the entry of a subscription. The lock is held.
func (s *Slots) add(h *holding, sub Subscription) *entry {
	e := &entry{sub: sub, slot: h}
	s.entries[sub.Key] = e
	s.list(e)
	return e
}

// list has the tail find events for an entry, unlist ends that. The lock is
// held.
func (s *Slots) list(e *entry) {
	for _, f := range e.sub.Plan.Filters {
		if s.byFilter[f] == nil {
			s.byFilter[f] = map[*entry]struct{}{}
		}
		s.byFilter[f][e] = struct{}{}
	}
}

func (s *Slots) unlist(e *entry) {
	for _, f := range e.sub.Plan.Filters {
		if delete(s.byFilter[f], e); len(s.byFilter[f]) == 0 {
			delete(s.byFilter, f)
		}
	}
}

// drop ends an entry. The lock is held.
func (s *Slots) drop(e *entry) {
	e.gone = true
	if e.timer != nil {
		e.timer.Stop()
	}
	if e.cancel != nil {
		e.cancel()
	}
	s.unlist(e)
	delete(s.entries, e.sub.Key)
}

// wake has the series of an entry run as soon as there is room. The lock is
// held.
func (s *Slots) wake(e *entry) {
	switch {
	case e.gone || e.queued:
	case e.running:
		e.again = true
	default:
		e.queued = true
		s.places.Wait(e.sub.Owner, e)
		s.start()
	}
}

// start gives free places to those that wait, first to an owner who has the
// fewest, and tells those at work whether there are more. The lock is held.
func (s *Slots) start() {
	defer s.tellCrowded()
	for len(s.live) < s.cfg.Live {
		e, ok := s.places.Next()
		if !ok {
			return
		}
		e.queued = false
		if e.gone {
			s.places.Free(e.sub.Owner)
			continue
		}
		ctx, cancel := context.WithCancel(e.slot.ctx)
		if e.series == nil {
			e.series = s.series(e.sub)
		}
		if e.timer != nil {
			e.timer.Stop()
		}
		run := e.series
		run.SetCrowded(s.crowded)
		e.running, e.cancel, s.live[e] = true, cancel, struct{}{}
		e.slot.work.Go(func() {
			defer cancel()
			rest, err := run.Run(ctx)
			s.rested(e, rest, err) //nolint:contextcheck // a series lives as long as its slot, not as whoever wakes it
		})
	}
}

// tellCrowded tells the series at work whether others wait for their places.
// The lock is held.
func (s *Slots) tellCrowded() {
	if crowded := s.places.Len() > 0; crowded != s.crowded {
		s.crowded = crowded
		for e := range s.live {
			e.series.SetCrowded(crowded)
		}
	}
}

func (s *Slots) series(sub Subscription) *series.Series {
	return series.New(series.Config{
		Key: sub.Key, Plan: sub.Plan, Control: sub.Control, Limits: s.cfg.Series, Holder: s.cfg.Holder,
	}, s.deps.Series)
}

// The pauses after failures of a series, doubled each time.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 10 * time.Second
)

// rested takes in why a series stopped.
func (s *Slots) rested(e *entry, rest series.Rest, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, e)
	s.places.Free(e.sub.Owner)
	e.running, e.cancel = false, nil
	again := e.again
	e.again = false
	switch {
	case e.gone || e.slot.ctx.Err() != nil:
	case errors.Is(err, fence.ErrFenced):
		// Whoever claimed it holds the slot, or believes so. The lease says
		// which of the two goes on; a claim from here would only refuse the
		// other in turn.
		s.deps.Log.Warn().Err(err).Int("slot", e.slot.slot).Msg("another instance delivers from this slot; given up")
		s.leave(e.slot)
	case err != nil:
		s.deps.Log.Warn().Err(err).Str("owner", e.sub.Owner).Str("subscription", e.sub.Subscription).
			Msg("in-order delivery interrupted; trying again")
		e.failures++
		s.wakeIn(e, min(firstPause<<min(e.failures-1, 10), lastPause))
	default:
		e.failures, e.paused, e.blocked, e.through = 0, rest.Paused, rest.Blocked, rest.Through
		if !rest.Next.IsZero() {
			s.wakeIn(e, max(0, rest.Next.Sub(s.now())))
		}
		if again || !e.paused && !e.blocked && e.newest > e.through {
			s.wake(e)
		}
	}
	// What is at rest gives its memory back where there are many.
	if !e.queued && len(s.entries) > s.cfg.Live {
		e.series = nil
	}
	s.start()
}

// wakeIn wakes an entry after a while. The lock is held.
func (s *Slots) wakeIn(e *entry, d time.Duration) {
	if e.timer != nil {
		e.timer.Stop()
	}
	e.timer = time.AfterFunc(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if e.slot.ctx.Err() == nil {
			s.wake(e)
		}
	})
}

func (s *Slots) now() time.Time {
	if s.deps.Series.Now != nil {
		return s.deps.Series.Now()
	}
	return time.Now()
}
