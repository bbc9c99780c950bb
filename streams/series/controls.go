package series

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/settle"
)

// listen takes in what was told.
func (s *session) listen() {
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	s.control, s.stopping, s.changed, s.crowded = s.told.control, s.told.stop, s.told.changed, s.told.crowded
}

// halting reports whether nothing new is begun: the series is stopped, or
// something waits until nothing is under way.
func (s *session) halting() bool {
	return s.stopping || s.changed || s.control.Paused || s.tracker.Now().Halt != nil || len(s.open()) > 0
}

// step is one control that is to be applied.
type step struct {
	number uint64
	replay *Replay
	skip   *Skip
}

// open returns the controls that are not applied yet, in order.
func (s *session) open() []step {
	applied := s.tracker.Now().Applied
	var out []step
	if r := s.control.Replay; r.Number > applied {
		out = append(out, step{number: r.Number, replay: &r})
	}
	for i := range s.control.Skips {
		if k := &s.control.Skips[i]; k.Number > applied {
			out = append(out, step{number: k.Number, skip: k})
		}
	}
	slices.SortFunc(out, func(a, b step) int { return cmp.Compare(a.number, b.number) })
	return out
}

// apply takes in what was told while nothing is under way.
func (s *session) apply(ctx context.Context) error {
	if s.changed {
		s.plan, s.changed = s.newest(), false
		s.begin(ctx)
	}
	for _, st := range s.open() {
		if err := s.applyOne(ctx, st); err != nil {
			return err
		}
	}
	h := s.tracker.Now().Halt
	if h != nil && s.control.Number > h.Number && !s.control.Paused {
		s.tracker.Edit(func(p *position.Position) { p.Halt = nil })
		return s.note(ctx)
	}
	return nil
}

func (s *session) applyOne(ctx context.Context, st step) error {
	if st.skip != nil {
		if l := s.head(st.skip); l != nil {
			return s.skip(ctx, l, st.number)
		}
	}
	s.tracker.Edit(func(p *position.Position) { p.Applied = st.number })
	if st.replay != nil {
		if s.tracker.Rewind(st.replay.From) {
			s.begin(ctx)
		}
	}
	return s.note(ctx)
}

// head returns the lane whose head a skip names; nil when there is none.
func (s *session) head(k *Skip) *lane {
	for _, l := range s.lanes {
		if len(l.held) == 0 {
			continue
		}
		it := l.held[0]
		if k.Delivery != "" && k.Delivery == s.idOf(it) || k.Delivery == "" && it.kept != "" && l.name == s.plan.lane(k.Account) {
			return l
		}
	}
	return nil
}

func (s *session) idOf(it *item) string {
	if it.kept != "" || it.event == nil {
		return it.kept
	}
	return delivery.ID(s.cfg.Owner, s.cfg.Subscription, it.event.ID, it.seq)
}

// skip ends the head of a lane.
func (s *session) skip(ctx context.Context, l *lane, number uint64) error {
	it := l.held[0]
	w, err := s.work(ctx, it)
	if err != nil {
		return err
	}
	if w == nil { // its event is there and does not match
		w = &settle.Work{}
	}
	if l.waits() {
		l.next = time.Time{}
		s.held++
	}
	r := &result{item: it, fate: done, work: w, control: number, outcome: s.without(w, delivery.Skipped, SkippedByOperator)}
	s.move(r)
	if err := s.ground.ledger.write(ctx, []record{{r.outcome, s.tracker.Position()}}); err != nil {
		return err
	}
	s.dirty = true
	s.fault(FaultRecorded)
	if it.kept != "" {
		s.forget(ctx, it.kept)
	}
	s.begin(ctx)
	return nil
}

// begin reads anew from the position. Nothing may be under way.
func (s *session) begin(ctx context.Context) {
	s.closeAll(ctx)
	s.reset()
}
