package planning

import "sync"

// owners are those of whom something is kept. Most events are about invoices of
// owners for whom nothing is ever planned, and to look for what is not there is
// the dearest of all that an event costs. What is kept is made by the planner
// alone: so whoever has seen all that there is, and notes for whom it makes
// something, knows of whom there is nothing.
type owners struct {
	mu sync.RWMutex
	// of is nil as long as nobody has seen what there is.
	of map[string]bool
}

// are has these be all.
func (o *owners) are(of map[string]bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of = of
}

// add has something be made for an owner.
func (o *owners) add(owner string) {
	if o.may(owner) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.of[owner] = true
}

// may reports whether there may be something of an owner.
func (o *owners) may(owner string) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.of == nil || o.of[owner]
}
