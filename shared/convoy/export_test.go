package convoy

// Waiting returns how many items of a key wait to be served.
func (c *Convoys[K, T]) Waiting(key K) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g := c.underWay[key]; g != nil {
		return len(g.items)
	}
	return 0
}

// UnderWay returns how many keys are known.
func (c *Convoys[K, T]) UnderWay() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.underWay)
}
