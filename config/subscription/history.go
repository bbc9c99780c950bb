package subscription

import (
	"errors"
	"time"
)

// The limits of the history. A version is kept for eight days after its end: a
// matcher that is a day behind still matches what came before it, and what that
// makes may wait for its endpoint for the seven days that DELIVERIES keeps it by
// default, and is rendered only then. An ordered one is kept for as long as
// EVENTS keeps events by default, since a line may be blocked for that long.
const (
	KeepEnded   = 8 * 24 * time.Hour
	KeepOrdered = 30 * 24 * time.Hour
	MaxVersions = 64
)

// ErrTooOften says that a subscription was changed too often while its former
// versions are kept; dropping one instead would lose what it still matches.
var ErrTooOften = errors.New("changed 64 times within the 8 days that former versions are kept (30 days for ordered ones); try again later, or make a new subscription")

// Moment is where in EVENTS and when a change is made.
type Moment struct {
	// Seq is the last sequence of EVENTS, read before the change is stored.
	Seq uint64
	At  time.Time
	// Past is the sequence behind which something new begins that asks for the
	// past; nil where none is asked for.
	Past *uint64
}

// First is the sequence behind which something begins that is made at the
// moment.
func (m Moment) First() uint64 {
	if m.Past == nil {
		return m.Seq
	}
	return min(*m.Past, m.Seq)
}

// from is where a version begins that is made at the moment. Only the first
// one may begin in the past: what came before another was matched by that or,
// on purpose, by none.
func (m Moment) from(s *Subscription) uint64 {
	if s.Revision > 1 {
		return m.Seq
	}
	return m.First()
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
	s.Versions = append(s.Versions, Version{Revision: s.Revision, FromSeq: m.from(s), Spec: &s.Spec})
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

// old reports whether nobody needs a version any more.
func (v *Version) old(at time.Time) bool {
	keep := KeepEnded
	if v.Spec != nil && v.Spec.Order.InOrder() {
		keep = KeepOrdered
	}
	return !v.Open() && at.Sub(v.EndedAt) > keep
}

func (s *Subscription) prune(at time.Time) {
	n := 0
	for n < len(s.Versions) && s.Versions[n].old(at) {
		s.PrunedUntil = s.Versions[n].UntilSeq
		n++
	}
	s.Versions = s.Versions[n:]
}
