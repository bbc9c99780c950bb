package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
)

// Malformed is the reason of a stored delivery that cannot be read.
const Malformed = "malformed"

// refuse ends a delivery that has no target, once that is sure.
func (s *Sender) refuse(ctx context.Context, j *job, r *target.Refusal) {
	if r = s.Maker.Confirm(ctx, &j.Work, r); r == nil {
		s.line(ctx, j)
		return
	}
	if r.Result == delivery.Retrying {
		s.away(ctx, j, holding{refusal: r})
		return
	}
	s.finish(ctx, j, s.Maker.Refused(&j.Work, r))
}

// putOff has a delivery come again after wait. It takes no attempt: the task
// was not tried, there was no room for it.
func (s *Sender) putOff(ctx context.Context, j *job, wait time.Duration) {
	if err := s.Desk.Retry(ctx, &j.Work, verdict.WholeSecond(s.Maker.Now().Add(wait))); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.Gate.Return(ctx, j.pass)
	s.settle(ctx, j)
	s.recent.End(j.Delivery.ID, j.Attempts)
}

// malformed parks what cannot be read: it is a defect, and must be seen.
func (s *Sender) malformed(ctx context.Context, j *job, err error) {
	j.Logger(s.Log).Error().Err(err).Msg("delivery cannot be read")
	if j.Delivery.Owner == "" {
		s.settle(ctx, j) // not even its subject says whose it is
		return
	}
	s.finish(ctx, j, s.Maker.End(&j.Work, attempt.Ending{Result: delivery.Parked, Reason: Malformed, Detail: err.Error()}))
}
