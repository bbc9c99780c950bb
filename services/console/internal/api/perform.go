package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

// answer has a request answered, or answers it as it was answered before.
func (a *API) answer(r *http.Request, req *Request, route *Route) (*Recorded, error) {
	var failed error
	perform := func(ctx context.Context) *Recorded {
		var out *Recorded
		out, failed = a.perform(ctx, req, route)
		return out
	}
	key := r.Header.Get("Idempotency-Key")
	if !route.Remembered || key == "" {
		out := perform(r.Context())
		return out, failed
	}
	if len(key) > maxText {
		return nil, problem.Parameter("Idempotency-Key", "text.length", "must have at most 2048 bytes")
	}
	ask := Ask{Owner: req.Owner, Caller: req.Caller.Key.ID, Key: key, Request: []byte(r.Method + " " + r.URL.RequestURI() + "\n" + string(req.Body))}
	out, err := a.deps.Memory.Once(r.Context(), ask, perform)
	if failed != nil {
		return nil, failed
	}
	return out, err
}

func (a *API) perform(ctx context.Context, req *Request, route *Route) (*Recorded, error) {
	reply, err := route.Serve(ctx, req)
	if err != nil {
		return nil, err
	}
	a.catchUp(ctx, req)
	out := &Recorded{Status: reply.Status, Header: map[string]string{}}
	if out.Status == 0 {
		out.Status = route.Answer.Status
	}
	if reply.Revision != 0 {
		out.Header["ETag"] = etag(reply.Revision)
	}
	if reply.Location != "" {
		out.Header["Location"] = reply.Location
	}
	if reply.Body == nil {
		return out, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // programs read it, and nosniff keeps browsers from guessing
	if err := enc.Encode(reply.Body); err != nil {
		return nil, fault.New(fault.Internal, "encode answer", route.ID, err)
	}
	out.Header["Content-Type"], out.Body = JSON, b.Bytes()
	return out, nil
}

// patience is how long an answer waits for the lists.
const patience = 2 * time.Second

// catchUp lets the lists of this instance catch up with what a request changed,
// so that whoever made it finds it there. The change is made, whatever becomes of
// that.
func (a *API) catchUp(ctx context.Context, req *Request) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for bucket, revision := range req.changed {
		_ = a.deps.Lists.Await(ctx, bucket, revision)
	}
}
