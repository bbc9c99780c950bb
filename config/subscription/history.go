package subscription

import (
	"errors"
	"time"
)

// The limits of the history. A version is kept for a day after its end, so
// that a matcher that is a day behind still matches what came before it.
const (
	KeepEnded   = 24 * time.Hour
	MaxVersions = 64
)

// ErrTooOften says that a subscription was changed too often within
// [KeepEnded]; dropping a version instead would lose what it still matches.
var ErrTooOften = errors.New("changed 64 times within a day; try again later")

// Moment is where in EVENTS and when a change is made.
type Moment struct {
	// Seq is the last sequence of EVENTS, read before the change is stored.
	Seq uint64
	At  time.Time
}

// Revise makes spec the subscription's: the open version ends at the moment,
// and a new one begins there when the spec is active.
func (s *Subscription) Revise(spec Spec, m Moment) error {
	s.end(m)
	s.prune(m.At)
	s.Spec, s.Deleted = spec, false
	s.Revision++
	if !spec.Enabled() {
		return nil
	}
	if len(s.Versions) >= MaxVersions {
		return ErrTooOften
	}
	s.Versions = append(s.Versions, Version{Revision: s.Revision, FromSeq: m.Seq, Spec: &s.Spec})
	return nil
}

// Delete ends the subscription at the moment. It stays, marked, until
// [Subscription.Spent].
func (s *Subscription) Delete(m Moment) {
	s.end(m)
	s.prune(m.At)
	s.Revision++
	s.Deleted = true
}

// Spent reports whether a deleted subscription may go for good.
func (s *Subscription) Spent(at time.Time) bool {
	s.prune(at)
	return s.Deleted && len(s.Versions) == 0
}

func (s *Subscription) end(m Moment) {
	n := len(s.Versions)
	if n == 0 || !s.Versions[n-1].Open() {
		return
	}
	last := &s.Versions[n-1]
	spec := s.Spec // the subscription's own is about to change
	last.Spec, last.EndedAt = &spec, m.At
	last.UntilSeq = max(m.Seq, last.FromSeq)
	last.Stored = s.Stored
}

func (s *Subscription) prune(at time.Time) {
	n := 0
	for n < len(s.Versions) && !s.Versions[n].Open() && at.Sub(s.Versions[n].EndedAt) > KeepEnded {
		s.PrunedUntil = s.Versions[n].UntilSeq
		n++
	}
	s.Versions = s.Versions[n:]
}
