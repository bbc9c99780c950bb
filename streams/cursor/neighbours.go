package cursor

import (
	"sync"
	"time"

	"github.com/billhook/billhook/shared/company"
)

// Neighbours are the keys whose messages came lately to any of some cursors, but
// for those that lag: they share the broker and the processors, so a key lags for
// the sake of all of them. The zero Neighbours are nobody. They are safe for
// concurrent use.
type Neighbours struct {
	mu   sync.Mutex
	came company.Company
}

func (n *Neighbours) saw(key string, now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.came.Saw(key, now)
}

// besides reports whether another key came after a moment.
func (n *Neighbours) besides(key string, after time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.came.Besides(key, after)
}
