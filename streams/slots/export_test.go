package slots

import (
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/series"
)

// Waiting is how many subscriptions wait for a place.
func (s *Slots) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places.Len()
}

// Refuse has the series of a subscription that is at rest refused by the fence, and
// woken by an event right then. It reports whether it runs again; ok is false,
// and nothing done, while it is not at rest.
func (s *Slots) Refuse(key series.Key) (again, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[key]
	if e == nil || e.series == nil || e.running || e.queued {
		return false, false
	}
	s.places.Hold(e.sub.Owner)
	e.running, s.live[e] = true, struct{}{}
	s.mu.Unlock()
	s.rested(e, series.Rest{}, fence.ErrFenced)
	s.mu.Lock()
	s.wake(e)
	return e.running || e.queued, true
}
