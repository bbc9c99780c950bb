package inlet

import (
	"net/http"

	"github.com/billhook/billhook/services/ingest/internal/admission"
	"github.com/billhook/billhook/services/ingest/internal/envelope"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// ruleRepeated is broken by an event whose id an earlier one of the same
// request has: one of both would be lost as a duplicate.
const ruleRepeated = "id.repeated"

// result is what became of one event of a request.
type result struct {
	Index    int            `json:"index"`
	ID       string         `json:"id,omitempty"`
	Status   string         `json:"status"`
	Problems fault.Problems `json:"problems,omitempty"`
}

// The states of a result.
const (
	statusAccepted = "accepted"
	statusRefused  = "refused"
)

// judge judges every event of a request and returns what is to be said of each
// and the ones that may be stored, in their order.
func (in *Inlet) judge(req *request, r *http.Request) ([]result, []admission.Entry) {
	results := make([]result, len(req.events))
	admitted := make([]admission.Entry, 0, len(req.events))
	ids := make(map[string]struct{}, len(req.events))
	now := in.deps.Now()
	for i, body := range req.events {
		if r.Context().Err() != nil {
			break
		}
		e, problems := in.judgeOne(admission.Message{Input: envelope.Input{Body: body, Header: req.header}, At: now})
		if _, again := ids[e.ID]; again && problems == nil {
			problems = fault.Problems{{Pointer: "/id", Rule: ruleRepeated, Detail: "an earlier event of this request has the same id"}}
		}
		results[i] = result{Index: i, ID: e.ID, Status: statusAccepted, Problems: problems}
		if problems != nil {
			results[i].Status = statusRefused
			continue
		}
		ids[e.ID] = struct{}{}
		admitted = append(admitted, e)
	}
	return results, admitted
}

func (in *Inlet) judgeOne(m admission.Message) (admission.Entry, fault.Problems) {
	c, refusal := in.deps.Admission.Check(m)
	if refusal != nil {
		return admission.Entry{ID: c.ID}, refusal.Problems
	}
	e := admission.Encode(c)
	if len(e.Body) > event.MaxBytes {
		return e, fault.Problems{{Rule: envelope.RuleSize, Detail: "the event with its headers is longer than 256 KiB (262144 bytes)"}}
	}
	return e, nil
}
