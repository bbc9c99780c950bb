package send

import (
	"sync"
	"time"
)

// holds are the SMTP settings that were found at fault: until the hold ends,
// nothing else is tried with them. A change of the settings is another key and
// so lifts the hold.
type holds struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// hold keeps settings from being tried before a moment.
func (h *holds) hold(key string, now, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	for k, t := range h.until {
		if !t.After(now) {
			delete(h.until, k)
		}
	}
	h.until[key] = until
}

// held returns the end of the hold, and false when there is none.
func (h *holds) held(key string, now time.Time) (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.until[key]
	return t, ok && t.After(now)
}
