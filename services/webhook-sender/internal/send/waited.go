package send

import (
	"context"
	"sync"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/backlog"
)

// End is what became of a delivery of a backlog.
type End struct {
	// Settled is true when it is on record what became of it, or somebody else
	// sees to it. Otherwise it still waits.
	Settled bool
	// Requested is true when a request was made, Delivered when the receiver
	// took it.
	Requested, Delivered bool
}

// backlogTask tells the reader of a backlog.
type backlogTask struct {
	job   *job
	once  sync.Once
	ended func(End)
}

func (t *backlogTask) Done(context.Context) error {
	t.once.Do(func() {
		e := End{Settled: true}
		if made := t.job.made; made != nil {
			e.Requested, e.Delivered = made.Requested, made.Outcome.Result == delivery.Delivered
		}
		t.ended(e)
	})
	return nil
}

func (t *backlogTask) Release(context.Context) error {
	t.once.Do(func() { t.ended(End{}) })
	return nil
}

func waitedJob(w *backlog.Waiting, ended func(End)) *job {
	j := &job{Work: w.Work, stored: w.Stored, seq: w.Seq, origin: waited}
	j.task = &backlogTask{job: j, ended: ended}
	if w.Err != nil {
		j.Frozen = w.Data
	}
	return j
}

// Deliver sends a delivery of a backlog through the lane of its endpoint, like
// any other. It calls ended once.
func (s *Sender) Deliver(ctx context.Context, w *backlog.Waiting, ended func(End)) {
	s.take(ctx, waitedJob(w, ended), w.Err)
}

// Leads returns the endpoint that a delivery of a backlog leads to, empty where
// it leads nowhere any more.
func (s *Sender) Leads(w *backlog.Waiting) string {
	t, refusal := s.Maker.Find(&w.Work)
	if refusal != nil {
		return refusal.Endpoint
	}
	return t.Endpoint
}

// EndpointAway is the reason of what is parked because its endpoint was away
// for nearly as long as an unsent delivery is kept.
const EndpointAway = "endpoint_away"

// GiveUp parks a delivery of a backlog, with what would have been sent. It calls
// ended once.
func (s *Sender) GiveUp(ctx context.Context, w *backlog.Waiting, ended func(End)) {
	s.work.Go(func() { s.giveUp(ctx, w, waitedJob(w, ended)) })
}

func (s *Sender) giveUp(ctx context.Context, w *backlog.Waiting, j *job) {
	if w.Err != nil {
		s.malformed(ctx, j, w.Err)
		return
	}
	t, refusal := s.Maker.FindAnyway(&j.Work)
	if refusal == nil {
		if err := s.Maker.Freeze(ctx, &j.Work, t); err != nil {
			j.Logger(s.Log).Warn().Err(err).Msg("webhook parked without its body")
		}
	}
	ending := attempt.Ending{Result: delivery.Parked, Reason: EndpointAway, Endpoint: s.Leads(w)}
	if refusal != nil && refusal.Reason == target.Ended {
		ending.Result, ending.Reason = refusal.Result, refusal.Reason
	}
	s.finish(ctx, j, s.Maker.End(&j.Work, ending))
}
