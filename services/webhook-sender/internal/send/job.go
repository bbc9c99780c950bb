// Package send delivers webhooks: it takes tasks from the pools, finds out
// where each goes, makes the attempt and writes down what became of it. It
// refuses to order deliveries: they are made as soon as there is room.
//
//	task ─▶ known already? ─▶ lane of its endpoint ─▶ event ─▶ body ─▶ POST
//	                                                                    │
//	   settled ◀─ outcome ◀─ retry set, or parked, or neither ◀─ verdict ┘
//
// Each step on the way back is stored before the next begins, so that a crash
// anywhere loses nothing: a retry that is set twice replaces itself, and a
// recorded attempt is not made again.
package send

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
)

// The headers that webhooks add to retries and to what is parked. The data of
// these messages is the body, byte for byte as it was first sent.
const (
	// HeaderEndpoint is the id of the endpoint.
	HeaderEndpoint = "Billhook-Endpoint"
	// HeaderPath is the rendered path behind the endpoint's URL.
	HeaderPath = "Billhook-Path"
)

// task is a message that stays in progress until it is settled.
type task interface {
	Done(ctx context.Context) error
	Release(ctx context.Context) error
}

// job is one delivery on its way.
type job struct {
	settle.Work
	task task
	// again is true when the task was delivered before: what became of that
	// is to be looked up. stored is when the task was stored.
	again  bool
	stored time.Time
}

// open reads a task. With an error the job has only the owner and the
// subscription of the subject, and the task's data.
func open(t *pool.Task) (*job, error) {
	j := &job{task: t, again: t.Delivered > 1, stored: t.Time}
	var err error
	if j.Work, err = settle.Read(t.Subject, t.Header, t.Data); err == nil {
		return j, nil
	}
	at, unknown := subject.ParseDelivery(t.Subject)
	if unknown != nil {
		at, _ = subject.ParseRetryDue(t.Subject) // else of nobody
	}
	j.Part, j.Frozen = at.Part, t.Data
	j.Delivery.Owner, j.Delivery.Subscription = at.Owner, at.Subscription
	return j, err
}

// freeze keeps what was rendered for the endpoint.
func (j *job) freeze(endpoint, path string, body []byte) {
	j.Header = nats.Header{HeaderEndpoint: {endpoint}}
	if path != "" {
		j.Header[HeaderPath] = []string{path}
	}
	j.Frozen = body
}

// frozen reports whether the body is there already. Until the first attempt
// nothing is, also where the delivery was put off.
func (j *job) frozen() bool { return len(j.Frozen) > 0 }

// endpoint is that of a job that has its body already, else empty.
func (j *job) endpoint() string {
	if !j.frozen() {
		return ""
	}
	return j.Header.Get(HeaderEndpoint)
}
