package smtp

import (
	"errors"
	"sync"
	"time"
)

// holds are the settings that were found at fault. Until a hold ends nothing
// is tried with them, so that a wrong password does not knock at a server once
// for every letter. A change of the settings is another key and so lifts it.
type holds struct {
	mu    sync.Mutex
	holds map[string]hold
}

type hold struct {
	failure Failure
	until   time.Time
}

// note holds the key when err is a fault of the settings.
func (h *holds) note(key string, err error, now time.Time, pace time.Duration) {
	var f *Failure
	if !errors.As(err, &f) || f.Class != Settings {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.holds == nil {
		h.holds = map[string]hold{}
	}
	for k, old := range h.holds {
		if !old.until.After(now) {
			delete(h.holds, k)
		}
	}
	h.holds[key] = hold{failure: *f, until: now.Add(pace)}
}

// get returns the hold of a key, and false when there is none.
func (h *holds) get(key string, now time.Time) (hold, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, ok := h.holds[key]
	return found, ok && found.until.After(now)
}

// Held returns until when a server is not tried because its settings were at
// fault, and false when it may be.
func (p *Pool) Held(srv Server) (time.Time, bool) {
	h, ok := p.holds.get(srv.Key, p.cfg.Now())
	return h.until, ok
}
