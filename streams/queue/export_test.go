package queue

// Waiting returns how many requests of an owner wait for events.
func (d *Desk) Waiting(owner string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting[owner]
}
