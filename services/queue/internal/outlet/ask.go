package outlet

import (
	"net/http"
	"strconv"
	"time"

	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/queue"
)

// The limits of a request.
const (
	// MaxBody is the greatest size of a body, in bytes.
	MaxBody = 64 << 10
	// MaxReceipts is how many receipts one may have.
	MaxReceipts = 1000
	// MaxWait is how long a request may wait for events.
	MaxWait = 30 * time.Second
	// DefaultMax is how many events are handed out where nothing else is asked.
	DefaultMax = 10
)

// pulling is what a request for events asks.
type pulling struct {
	Max  *int   `json:"max"`
	Wait string `json:"wait"`
}

// receipts is what a request about events that were handed out asks.
type receipts struct {
	Receipts []string `json:"receipts"`
	// Delay belongs to a release, By to an extension.
	Delay string `json:"delay"`
	By    string `json:"by"`
}

// read reads a body into a document.
func read(w http.ResponseWriter, r *http.Request, optional bool, into any) error {
	body, err := web.ReadBody(w, r, web.Wanted{Media: []string{"application/json"}, Most: MaxBody, Optional: optional})
	if err != nil || optional && len(body) == 0 {
		return err
	}
	v, problems := document.ParseJSON(body)
	if problems != nil {
		return problem.Refused(problems)
	}
	return invalid(v.Decode(into))
}

// invalid returns the problem of broken rules, nil for none.
func invalid(problems fault.Problems) error {
	if len(problems) == 0 {
		return nil
	}
	p := problem.New(http.StatusUnprocessableEntity, problem.Invalid, "the request breaks a rule")
	p.Errors = problems
	return p
}

// check returns how many events are asked for, and how long that may wait.
func (p *pulling) check() (most int, wait time.Duration, err error) {
	var r field.Report
	if most = DefaultMax; p.Max != nil {
		most = *p.Max
	}
	r.Range("/max", int64(most), 1, queue.MaxMessages)
	wait = duration(&r, "/wait", p.Wait, MaxWait)
	return most, wait, invalid(r.Problems())
}

// duration reads a duration from 0 on; an empty one is 0.
func duration(r *field.Report, pointer, text string, most time.Duration) time.Duration {
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		r.Add(pointer, "duration.form", "must be a duration such as 20s")
	case d < 0 || d > most:
		r.Add(pointer, "duration.range", "must be from 0s to "+most.String())
	}
	return d
}

// check holds what is asked against the rules; needs names the duration that must
// be given, takes the one that may be.
func (s *receipts) check(needs, takes string) (time.Duration, error) {
	var r field.Report
	if n := len(s.Receipts); n == 0 || n > MaxReceipts {
		r.Add("/receipts", "list.length", "must have from 1 to "+strconv.Itoa(MaxReceipts)+" receipts")
	}
	var after time.Duration
	for _, member := range [][2]string{{"delay", s.Delay}, {"by", s.By}} {
		switch name, text := member[0], member[1]; {
		case text == "" && name == needs:
			r.Add("/"+name, "field.required", "is needed")
		case text != "" && name != takes:
			r.Add("/"+name, "member.unknown", "is no member here")
		case text != "":
			after = duration(&r, "/"+name, text, queue.MaxAfter)
		}
	}
	return after, invalid(r.Problems())
}
