package slots

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/billhook/billhook/streams/lease"
)

// holding is a slot that this instance holds, or tries to take.
type holding struct {
	slot int
	// ctx ends when the lease is lost or given back.
	ctx context.Context //nolint:containedctx // it is the life of the lease
	// leaving is true once the slot is being given back; then left is closed.
	leaving bool
	left    chan struct{}
	// entered is true from the take-over until the lease ends.
	entered bool
	// work are the series of the slot that are at work.
	work sync.WaitGroup
	done chan struct{}
}

// leaseName is the key of a slot's lease.
func (s *Slots) leaseName(slot int) string { return s.cfg.Service + ".slot." + strconv.Itoa(slot) }

// memberName is the key by which an instance says that it is there.
func (s *Slots) memberName(holder string) string { return s.cfg.Service + ".member." + holder }

// hold tries to take a slot and has its subscriptions delivered until the lease
// is lost, given back, or life ends.
func (s *Slots) hold(life context.Context, slot int) {
	ctx, cancel := context.WithCancel(life)
	h := &holding{slot: slot, ctx: ctx, left: make(chan struct{}), done: make(chan struct{})}
	s.mu.Lock()
	s.held[slot] = h
	s.mu.Unlock()
	go func() {
		defer close(h.done)
		defer cancel()
		keeper := lease.New(s.deps.JS, s.leaseName(slot), s.cfg.Holder, s.cfg.Lease)
		err := keeper.Hold(ctx, func(ctx context.Context) error {
			s.enter(ctx, h)
			select {
			case <-ctx.Done():
			case <-h.left:
				s.drain(ctx, h)
			}
			s.exit(h)
			return context.Cause(ctx)
		})
		if errors.Is(err, lease.ErrLost) {
			s.deps.Log.Warn().Int("slot", slot).Msg("slot lost")
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.held, slot)
	}()
}

// leave gives a slot back in order: from now on nothing of it begins, and what is
// under way ends. The lock is held.
func (s *Slots) leave(h *holding) {
	if h.leaving {
		return
	}
	h.leaving, h.entered = true, false
	for _, e := range s.entries {
		if e.slot != h {
			continue
		}
		e.gone = true
		if e.running {
			e.series.Stop()
		}
	}
	close(h.left)
}

// enter begins with the subscriptions of a slot, unless it is to be left.
func (s *Slots) enter(ctx context.Context, h *holding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.leaving {
		return
	}
	h.ctx, h.entered = ctx, true
	for _, key := range s.bySlot[h.slot] {
		s.fresh = append(s.fresh, s.add(h, s.wanted[key]))
	}
	s.deps.Log.Debug().Int("slot", h.slot).Int("subscriptions", len(s.bySlot[h.slot])).Msg("slot taken over")
	select {
	case s.scan <- struct{}{}:
	default:
	}
}

// drain waits for the end of what is under way in a slot that is left, while the
// lease lasts: a request that is cut off is repeated by the next holder.
func (s *Slots) drain(ctx context.Context, h *holding) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.work.Wait()
	}()
	timer := time.NewTimer(s.cfg.Drain)
	defer timer.Stop()
	select {
	case <-ended:
	case <-ctx.Done():
	case <-timer.C:
	}
}

// exit stops the subscriptions of a slot and waits for those at work, so that
// the lease is given back only when nothing is under way.
func (s *Slots) exit(h *holding) {
	s.mu.Lock()
	h.entered = false
	for _, e := range s.entries {
		if e.slot == h {
			s.drop(e)
		}
	}
	s.mu.Unlock()
	h.work.Wait()
}

// all waits until every holding has ended.
func all(holdings []*holding) {
	var ended sync.WaitGroup
	for _, h := range holdings {
		ended.Go(func() { <-h.done })
	}
	ended.Wait()
}
