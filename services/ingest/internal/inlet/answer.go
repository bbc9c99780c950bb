package inlet

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/fault"
)

// problem is an answer that says what went wrong, as RFC 9457 describes it.
type problem struct {
	Type   string         `json:"type"`
	Title  string         `json:"title"`
	Status int            `json:"status"`
	Detail string         `json:"detail,omitempty"`
	Errors fault.Problems `json:"errors,omitempty"`
	// Results says what became of each event of a batch.
	Results []result `json:"results,omitempty"`
	// RetryAfter is when the same request may pass; 0 for never.
	RetryAfter time.Duration `json:"-"`
}

func (p problem) write(w http.ResponseWriter) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	h := w.Header()
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="billhook"`)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	h.Set("Content-Type", "application/problem+json")
	respond(w, p.Status, p)
}

// refusal answers a request of which no event was accepted.
func refusal(req *request, results []result) *problem {
	if req.batch {
		return &problem{Status: http.StatusUnprocessableEntity, Detail: "none of the events was accepted", Results: results}
	}
	p := &problem{Status: http.StatusUnprocessableEntity, Detail: "the event was refused", Errors: results[0].Problems}
	if len(p.Errors) == 1 && p.Errors[0].Rule == envelope.RuleSize {
		p.Status = http.StatusRequestEntityTooLarge
	}
	return p
}

// batch is the answer to a request that may hold several events.
type batch struct {
	Accepted int      `json:"accepted"`
	Refused  int      `json:"refused"`
	Results  []result `json:"results"`
}

// single is the answer to a request that holds one event.
type single struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// answer answers a request of which at least one event was stored.
func answer(w http.ResponseWriter, req *request, results []result) {
	w.Header().Set("Content-Type", "application/json")
	if !req.batch {
		respond(w, http.StatusAccepted, single{results[0].ID, results[0].Status})
		return
	}
	b := batch{Results: results}
	for _, r := range results {
		if r.Status == statusAccepted {
			b.Accepted++
		} else {
			b.Refused++
		}
	}
	respond(w, http.StatusAccepted, b)
}

// respond writes a body. A client that went away is no failure of ours.
func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
