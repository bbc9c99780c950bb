package series

import (
	"context"
	"sync"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series/position"
)

// copyEvery is how often the position is copied while deliveries are made.
const copyEvery = time.Second

// ended takes in the result of an attempt.
func (s *session) ended(r *result) error {
	if r.err != nil {
		return r.err
	}
	if r.fate == again {
		l := r.item.lane
		l.busy = false
		if r.item.work = r.work; r.until.After(s.hold) {
			s.hold = r.until
		}
		s.place(l)
		return nil
	}
	s.pending = append(s.pending, r)
	return nil
}

// store begins to write what has ended, all of it together: one write is under
// way at a time, and what ends meanwhile gathers.
func (s *session) store(ctx context.Context, work *sync.WaitGroup) {
	if s.group != nil || len(s.pending) == 0 {
		return
	}
	s.group, s.pending = s.pending, nil
	var records []record
	var finished []string
	for _, r := range s.group {
		s.move(r)
		if r.outcome != nil {
			records = append(records, record{r.outcome, s.tracker.Position()})
		}
		if r.fate == done && r.item.kept != "" {
			finished = append(finished, r.item.kept)
		}
	}
	due := s.due()
	now := s.tracker.Position()
	work.Go(func() {
		err := s.ground.ledger.write(ctx, records)
		if err == nil {
			s.fault(FaultRecorded)
			for _, id := range finished {
				s.forget(ctx, id)
			}
			if due {
				err = s.ground.ledger.copy(ctx, now)
			}
		}
		s.written <- err
	})
}

// due reports whether it is time for a copy, and notes that it is made.
func (s *session) due() bool {
	if now := s.deps.Now(); now.Sub(s.copied) >= copyEvery {
		s.copied, s.dirty = now, false
		return true
	}
	s.dirty = true
	return false
}

// move applies a result to the position and its lane. The lane stays busy
// until the result is stored.
func (s *session) move(r *result) {
	it, l := r.item, r.item.lane
	if r.control > 0 {
		s.tracker.Edit(func(p *position.Position) { p.Applied = r.control })
	}
	switch r.fate {
	case waits, halts:
		it.kept, it.attempts = r.work.Delivery.ID, r.work.Attempts
		s.kept[it.seq] = it.kept
		l.next = r.until
		s.held -= l.shed()
		s.tracker.List(l.name, l.listed())
	default:
		delete(s.kept, it.seq)
		l.pop()
		s.held--
		s.tracker.Finish(l.name, it.seq, l.first())
	}
	if r.fate == halts {
		ref := &r.work.Delivery
		halt := &Halt{Number: r.known, Seq: it.seq, Account: ref.Account, Delivery: ref.ID, Reason: r.outcome.Reason}
		s.tracker.Edit(func(p *position.Position) { p.Halt = halt })
	}
}

// stored lets the lanes of a stored group go on.
func (s *session) stored() {
	for _, r := range s.group {
		l := r.item.lane
		l.busy = false
		if r.fate == halts {
			s.held++ // it is tried again at once when it is resumed
		}
		if s.deps.OnGivenUp != nil && (r.fate == halts || r.outcome != nil && r.outcome.Result == delivery.Parked) {
			s.deps.OnGivenUp(r.outcome)
		}
		s.place(l)
	}
	s.group = nil
}

// note stores the position without an outcome.
func (s *session) note(ctx context.Context) error {
	err := s.ground.ledger.write(ctx, []record{{position: s.tracker.Position()}})
	if err == nil {
		s.dirty = true
		s.fault(FaultNoted)
	}
	return err
}

// save copies the position before a rest.
func (s *session) save(ctx context.Context) error {
	if !s.dirty {
		return nil
	}
	s.dirty, s.copied = false, s.deps.Now()
	return s.ground.ledger.copy(ctx, s.tracker.Position())
}
