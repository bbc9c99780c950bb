package slots

// Waiting is how many subscriptions wait for a place.
func (s *Slots) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.places.Len()
}
