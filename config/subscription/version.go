package subscription

// Open reports whether the version still takes new events.
func (v *Version) Open() bool { return v.EndedAt.IsZero() }

// Covers reports whether the version matches events of a sequence.
func (v *Version) Covers(seq uint64) bool {
	return seq > v.FromSeq && (v.Open() || seq <= v.UntilSeq)
}

// VersionAt returns the version that matches the event of a sequence in
// EVENTS. At most one does.
func (s *Subscription) VersionAt(seq uint64) (*Version, bool) {
	for i := len(s.Versions) - 1; i >= 0; i-- {
		if s.Versions[i].Covers(seq) {
			return &s.Versions[i], true
		}
	}
	return nil, false
}

// LastOrder returns the order of the newest version that has one, so that a
// subscription that is unordered by now, or deleted, is known to have been in
// order; that of the spec where no version has.
func (s *Subscription) LastOrder() Order {
	for i := len(s.Versions) - 1; i >= 0; i-- {
		if v := &s.Versions[i]; v.Spec != nil && v.Spec.Order.InOrder() {
			return v.Spec.Order
		}
	}
	if s.Deleted {
		return Unordered
	}
	return s.Order
}

// Numbered returns the version of a revision, as a delivery names it.
func (s *Subscription) Numbered(revision int) (*Version, bool) {
	for i := len(s.Versions) - 1; i >= 0; i-- {
		if s.Versions[i].Revision == revision {
			return &s.Versions[i], true
		}
	}
	return nil, false
}

// Ended reports whether the subscription does not want the event of a
// sequence, because that lies behind its end (or in a time when it was
// inactive). A delivery made for it, by a matcher that had not yet heard of
// the end, is dropped.
func (s *Subscription) Ended(seq uint64) bool {
	if _, ok := s.VersionAt(seq); ok {
		return false
	}
	return seq > s.PrunedUntil
}

// Live reports whether the subscription matches new events.
func (s *Subscription) Live() bool {
	n := len(s.Versions)
	return !s.Deleted && n > 0 && s.Versions[n-1].Open()
}
