package inlet

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/problem"
)

// refused is a problem that may say what became of each event of a batch.
type refused struct {
	*problem.Problem
	Results []result `json:"results,omitempty"`
}

func (r *refused) write(w http.ResponseWriter) { r.WriteAs(w, r) }

// refuse returns a problem of a request as a whole.
func refuse(status int, code, detail string) *refused {
	return &refused{Problem: problem.New(status, code, detail)}
}

func unavailable(detail string) *refused {
	return &refused{Problem: problem.Passing(detail, time.Second)}
}

// refusal answers a request of which no event was accepted.
func refusal(req *request, results []result) *refused {
	if req.batch {
		r := refuse(http.StatusUnprocessableEntity, problem.Invalid, "none of the events was accepted")
		r.Results = results
		return r
	}
	status, code, errs := http.StatusUnprocessableEntity, problem.Invalid, results[0].Problems
	if len(errs) == 1 && errs[0].Rule == envelope.RuleSize {
		status, code = http.StatusRequestEntityTooLarge, problem.Size
	}
	r := refuse(status, code, "the event was refused")
	r.Errors = errs
	return r
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
