package queue_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
)

// storm is what readers know together, by the order of their calls and answers.
type storm struct {
	t       *testing.T
	inOrder bool
	vis     time.Duration
	mu      sync.Mutex
	held    map[uint64]hold
	done    map[uint64]time.Time // when the acknowledgement was answered
	first   uint64               // the greatest that was handed out
	times   int
}

// hold is an event that a reader has: it was asked for at, so it is his for the
// visibility from then on at least.
type hold struct {
	at   time.Time
	free bool // given back, or to be
}

// take judges what was handed out to a call that began at a moment.
func (s *storm) take(began time.Time, got []queue.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	// What comes late may be somebody else's by now.
	late := now.Sub(began) >= s.vis
	insists := func(seq uint64) bool {
		h, ok := s.held[seq]
		_, acked := s.done[seq]
		return ok && !late && !acked && !h.free && now.Before(h.at.Add(s.vis))
	}
	for seq := range s.held {
		if s.inOrder && len(got) > 0 && insists(seq) {
			s.t.Errorf("%d handed out while somebody has %d", got[0].Seq, seq)
		}
	}
	last := uint64(0)
	for _, m := range got {
		s.times++
		if insists(m.Seq) {
			s.t.Errorf("%d handed out while somebody has it", m.Seq)
		}
		if at, ok := s.done[m.Seq]; ok && at.Before(began) {
			s.t.Errorf("%d handed out after it was acknowledged", m.Seq)
		}
		if m.Seq <= last || s.inOrder && m.Seq > s.first+1 {
			s.t.Errorf("%d handed out behind %d; the greatest was %d", m.Seq, last, s.first)
		}
		last, s.first = m.Seq, max(s.first, m.Seq)
		if !late {
			s.held[m.Seq] = hold{at: began}
		}
	}
}

// let notes, before it is asked for, that a reader does not insist on events.
func (s *storm) let(messages []queue.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.held[m.Seq] = hold{free: true}
	}
}

// acked notes what was acknowledged.
func (s *storm) acked(messages []queue.Message, results []handout.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, r := range results {
		if r == handout.Acknowledged {
			s.done[messages[i].Seq] = time.Now()
		}
	}
}

func (s *storm) over(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.done) == n
}

// read reads until all is done.
func (s *storm) read(ctx context.Context, n int, at func() *desk) {
	for !s.over(n) && ctx.Err() == nil {
		began, d := time.Now(), at()
		got, err := d.Pull(ctx, erp, 1+rand.IntN(20), time.Duration(rand.IntN(50))*time.Millisecond)
		if err != nil || len(got) == 0 {
			continue // the instance was stopped, or there is nothing
		}
		s.take(began, got)
		part := got[:rand.IntN(len(got)+1)]
		want := handout.Acknowledged
		switch rand.IntN(8) {
		case 0:
			continue // it dies with what it has
		case 1:
			want = handout.Released
		default:
			part = got
		}
		s.let(part)
		var deeds []queue.Deed
		for _, m := range part {
			deeds = append(deeds, queue.Deed{Receipt: m.Receipt, Want: want})
		}
		results, err := at().Settle(ctx, erp, deeds)
		if err == nil && want == handout.Acknowledged {
			s.acked(part, results)
		}
	}
}

func TestReadersOfSeveralInstancesInAStorm(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		t.Run(map[bool]string{false: "out of order", true: "in order"}[inOrder], func(t *testing.T) {
			const n = 400
			r := newRig(t)
			r.pace = queue.Pace{}
			s := &storm{t: t, inOrder: inOrder, vis: 100 * time.Millisecond, held: map[uint64]hold{}, done: map[uint64]time.Time{}}
			r.change(func(p *queue.Plan) { p.InOrder, p.Visibility = inOrder, s.vis })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			desks := make([]atomic.Pointer[desk], 2)
			for i := range desks {
				desks[i].Store(r.start())
			}
			var reading sync.WaitGroup
			for i := range 6 {
				reading.Go(func() { s.read(ctx, n, func() *desk { return desks[i%2].Load() }) })
			}
			for i := range 8 {
				r.publish(1+i*n/8, n/8)
				if i%3 == 1 { // an instance goes, another comes
					gone := desks[i%2].Swap(r.start())
					gone.stop()
				}
			}
			reading.Wait()
			if !s.over(n) {
				t.Fatalf("%d of %d acknowledged", len(s.done), n)
			}
			if got, err := desks[0].Load().Pull(t.Context(), erp, 100, 0); err != nil || len(got) > 0 {
				t.Errorf("in the end there is %d more, %v", len(got), err)
			}
			t.Logf("%d hand-outs of %d events", s.times, n)
		})
	}
}
