package send

import (
	"context"
	"errors"
	"fmt"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/settle"
)

// attempt makes one attempt. It calls free once the endpoint is done with it.
func (s *Sender) attempt(ctx context.Context, j *job, free func()) {
	t, refusal := s.Maker.Find(&j.Work)
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) }) // may wait: beside
		return
	}
	if s.held(j, t) {
		s.work.Go(func() { s.away(ctx, j, holding{target: t}) }) // waits: beside
		return
	}
	way := attempt.Way{Answered: free}
	if t.Ordered { // somebody asked for it again: it keeps its place
		way.Sequence = j.Delivery.EventSeq
	}
	made, err := s.Maker.Make(ctx, &j.Work, t, way)
	switch {
	case errors.Is(err, attempt.ErrCancelled):
		s.release(ctx, j)
	case err != nil:
		j.Logger(s.Log).Warn().Err(err).Msg("delivery given back")
		s.work.Go(func() { s.giveBack(ctx, j) }) // waits: beside
	case made.Requested:
		s.fault(FaultPosted)
		s.finish(ctx, j, made)
	default:
		s.work.Go(func() { s.finish(ctx, j, made) })
	}
}

// finish stores what follows from an attempt, in an order that a crash may cut
// anywhere: what is needed later, the record, the end of the task.
func (s *Sender) finish(ctx context.Context, j *job, made attempt.Made) {
	j.made = &made
	w, o := made.After(j.Work), made.Outcome
	if err := s.keep(ctx, &w, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.fault(FaultKept)
	if err := s.Desk.Record(ctx, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.fault(FaultRecorded)
	s.report(ctx, j, made)
	if o.Result == delivery.Parked {
		s.Notices.Raise(notice.Parked(o))
	}
	// An earlier delivery of this task may have set a retry and then crashed.
	if j.again && o.Result.Final() {
		if err := s.Desk.Forget(ctx, &j.Delivery); err != nil {
			j.Logger(s.Log).Warn().Err(err).Msg("pending retry not removed")
		}
	}
	s.settle(ctx, j)
	s.fault(FaultSettled)
	s.recent.End(j.Delivery.ID, o.Attempt)
}

// report tells the breaker of the endpoint.
func (s *Sender) report(ctx context.Context, j *job, made attempt.Made) {
	if !made.Requested {
		s.Gate.Return(ctx, j.pass)
		return
	}
	a := made.Told
	a.Probe = j.pass.Probe || j.origin == waited
	s.Gate.Report(ctx, gate.Answered{
		Key:    gate.Key{Owner: j.Delivery.Owner, Endpoint: made.Outcome.Target},
		Answer: a, Cause: j.Delivery.EventType,
	})
}

// keep stores what is needed later: the retry, or the parked webhook.
func (s *Sender) keep(ctx context.Context, w *settle.Work, o *delivery.Outcome) error {
	switch o.Result {
	case delivery.Retrying:
		return s.Desk.Retry(ctx, w, o.NextAt)
	case delivery.Parked:
		ref := &w.Delivery
		s.Log.Warn().Str("owner", ref.Owner).Str("event", ref.EventID).Str("delivery", ref.ID).
			Str("reason", o.Reason).Str("detail", o.Detail).Int("attempts", w.Attempts).Msg("webhook parked")
		return s.Desk.Park(ctx, w, o)
	default:
		return nil
	}
}

// abandon gives up a task whose record could not be written before the sender
// had to stop. It comes again.
func (s *Sender) abandon(ctx context.Context, j *job, err error) {
	j.Logger(s.Log).Error().Err(fmt.Errorf("attempt not recorded: %w", err)).Msg("delivery given back")
	s.recent.End(j.Delivery.ID, j.Attempts)
	_ = j.task.Release(ctx) // it comes again by itself otherwise
}
