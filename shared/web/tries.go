package web

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// How often one name may try: some times at once, then once every few seconds.
const (
	triesBurst = 10
	triesPace  = 6 * time.Second
	// maxTriers bounds the memory of this. When as many names have tried, the
	// older half of them is forgotten.
	maxTriers = 8192
)

// Tries counts what somebody does by a name, such as wrong keys by the address
// that they come from. It may be used by many goroutines.
type Tries struct {
	mu          sync.Mutex
	young, aged map[string]*rate.Limiter
}

// NewTries returns tries of which there was none.
func NewTries() *Tries { return &Tries{young: map[string]*rate.Limiter{}} }

// Wait returns for how long the name must not try again.
func (t *Tries) Wait(name string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(name)
	if l == nil || l.TokensAt(now) >= 1 {
		return 0
	}
	return time.Duration((1 - l.TokensAt(now)) * float64(triesPace))
}

// Add counts a try.
func (t *Tries) Add(name string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.of(name)
	if l == nil {
		l = rate.NewLimiter(rate.Every(triesPace), triesBurst)
		if len(t.young) >= maxTriers/2 {
			t.young, t.aged = map[string]*rate.Limiter{}, t.young
		}
		t.young[name] = l
	}
	l.AllowN(now, 1)
}

func (t *Tries) of(name string) *rate.Limiter {
	if l := t.young[name]; l != nil {
		return l
	}
	return t.aged[name]
}
