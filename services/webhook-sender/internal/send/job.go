// Package send delivers webhooks out of order: it takes tasks from the pools,
// has the attempt of each made when there is room, and writes down what became
// of it.
//
//	task ─▶ known already? ─▶ endpoint away? ─▶ lane of its endpoint ─▶ attempt
//	                            │                                          │
//	                            ▼                                          │
//	   settled ◀───────────── stashed                                      │
//	   settled ◀──── outcome ◀──────── retry set, or parked ◀──────────────┘
//
// Each step on the way back is stored before the next begins, so that a crash
// anywhere loses nothing: a retry that is set twice replaces itself, and a
// recorded attempt is not made again.
package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/streams/pool"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
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
	origin origin
	// seq is the sequence in DELIVERIES of what comes from there.
	seq uint64
	// pass has the probe where the request is made although the endpoint is
	// open.
	pass gate.Pass
	// made is what became of the attempt, once that is recorded.
	made *attempt.Made
}

// origin is where a job comes from: that says what becomes of it while its
// endpoint is away.
type origin uint8

const (
	// fresh is a task of DELIVERIES: it joins the backlog.
	fresh origin = iota
	// retry is due: it is set again.
	retry
	// waited comes from the backlog, whose reader knows when it is time.
	waited
)

// open reads a task. With an error the job has only the owner and the
// subscription of the subject, and the task's data.
func open(t *pool.Task) (*job, error) {
	j := &job{task: t, again: t.Delivered > 1, stored: t.Time, seq: t.Seq}
	if _, err := subject.ParseDelivery(t.Subject); err != nil {
		j.origin = retry
	}
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
