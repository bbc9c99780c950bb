package cursor

import (
	"maps"
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
	// turned is when each key that lags had a turn, as far as that is lately.
	turned map[string]time.Time
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

// sharing is how long a key that lags has its share behind a turn.
const sharing = time.Second

// among returns how many keys that lag, of which this is one, share what they may
// have: those that had a turn lately.
func (n *Neighbours) among(key string, now time.Time) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.turned == nil {
		n.turned = map[string]time.Time{}
	}
	n.turned[key] = now
	maps.DeleteFunc(n.turned, func(_ string, at time.Time) bool { return now.Sub(at).Abs() > sharing }) // clocks are set back
	return len(n.turned)
}
