package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
)

// malformedReason is that of a task which cannot be read.
const malformedReason = "malformed"

// refuse ends a delivery that has no route, once that is sure.
func (s *Sender) refuse(ctx context.Context, j *job, r *route.Refusal) {
	if r = s.Maker.Confirm(ctx, j.Task, r); r == nil {
		s.line(ctx, j)
		return
	}
	s.finish(ctx, j, s.Maker.Refused(j.Task, r))
}

// malformed parks what cannot be read: it is a defect, and must be seen.
func (s *Sender) malformed(ctx context.Context, j *job, err error) {
	j.Logger(s.Log).Error().Err(err).Msg("delivery cannot be read")
	if j.Delivery.Owner == "" {
		s.done(ctx, j) // not even its subject says whose it is
		return
	}
	s.finish(ctx, j, s.Maker.End(j.Task, attempt.Ending{Result: delivery.Parked, Reason: malformedReason, Detail: err.Error()}))
}

// shed puts off what its lane has no room for.
func (s *Sender) shed(ctx context.Context) func(*job, time.Duration) {
	return func(j *job, wait time.Duration) { s.putOff(ctx, j, s.Maker.Now().Add(wait)) }
}

// putOff has a delivery come again at a moment. It was not tried, so it takes
// no attempt and has no outcome.
func (s *Sender) putOff(ctx context.Context, j *job, at time.Time) {
	w := j.Work
	if err := s.Desk.Retry(ctx, &w, verdict.WholeSecond(at)); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.done(ctx, j)
}

// abandon gives up a task whose record could not be written before the sender
// had to stop. It comes again.
func (s *Sender) abandon(ctx context.Context, j *job, err error) {
	j.Logger(s.Log).Error().Err(err).Msg("attempt not recorded; delivery given back")
	s.release(ctx, j)
}
