package process

import (
	"encoding/json"
	"net/http"
)

// Waiter tells what is not ready yet; nothing means ready. [Group] is one.
type Waiter interface {
	Waiting() []string
}

// Readiness is what /readyz answers.
type Readiness struct {
	Ready bool `json:"ready"`
	// Waiting names what is not ready.
	Waiting []string `json:"waiting"`
}

// ReadinessOf returns the readiness of who waits for those named.
func ReadinessOf(waiting []string) Readiness {
	return Readiness{Ready: len(waiting) == 0, Waiting: waiting}
}

// Health returns the handler of /livez and /readyz. /livez answers 200 as long
// as the process can answer at all. /readyz answers 200 or 503 with a
// [Readiness].
func Health(w Waiter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	})
	mux.HandleFunc("GET /readyz", func(rw http.ResponseWriter, _ *http.Request) {
		now, status := ReadinessOf(w.Waiting()), http.StatusOK
		if !now.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(rw, status, now)
	})
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A probe that hangs up loses its own answer only.
	_ = json.NewEncoder(w).Encode(v)
}
