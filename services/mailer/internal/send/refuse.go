package send

import (
	"context"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/shared/delivery"
)

// malformedReason is that of a task which cannot be read.
const malformedReason = "malformed"

// refuse ends a delivery that has no route, once that is sure.
func (s *Sender) refuse(ctx context.Context, j *job, r *route.Refusal) {
	if r.Early {
		if r = s.await(ctx, j); r == nil {
			s.line(ctx, j)
			return
		}
	}
	if r.Result == delivery.Retrying {
		s.unset(ctx, j)
		return
	}
	s.end(ctx, j, &ending{result: r.Result, reason: r.Reason, detail: r.Detail})
}

// await waits a while for the configuration to have the route. It returns nil
// when it has.
func (s *Sender) await(ctx context.Context, j *job) *route.Refusal {
	changes, stop := s.Directory.Changes()
	defer stop()
	patience := time.NewTimer(s.Patience)
	defer patience.Stop()
	for {
		_, r := route.Find(s.Directory.Owner(j.Delivery.Owner), &j.Delivery, j.frozen())
		if r == nil || !r.Early {
			return r
		}
		select {
		case <-changes:
		case <-patience.C:
			return r
		case <-ctx.Done():
			return r
		}
	}
}

// unset records that there are no SMTP settings to send through: a fault of
// the settings, which burns no attempt that counts.
func (s *Sender) unset(ctx context.Context, j *job) {
	o := s.outcome(j)
	s.conclude(ctx, j, o, &smtp.Failure{Class: smtp.Settings, Stage: "settings", Err: errNoSettings})
}

// malformed parks what cannot be read: it is a defect, and must be seen.
func (s *Sender) malformed(ctx context.Context, j *job, err error) {
	s.log(j).Error().Err(err).Msg("delivery cannot be read")
	if j.Delivery.Owner == "" {
		s.done(ctx, j) // not even its subject says whose it is
		return
	}
	s.end(ctx, j, parked(malformedReason, err.Error()))
}

// shed puts off what its lane has no room for.
func (s *Sender) shed(ctx context.Context) func(*job, time.Duration) {
	return func(j *job, wait time.Duration) { s.putOff(ctx, j, s.Now().Add(wait)) }
}

// putOff has a delivery come again at a moment. It was not tried, so it takes
// no attempt and has no outcome.
func (s *Sender) putOff(ctx context.Context, j *job, at time.Time) {
	w := j.Work
	if err := s.Desk.Retry(ctx, &w, wholeSecond(at)); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.done(ctx, j)
}

// ending is the end of a delivery that is not sent.
type ending struct {
	result         delivery.Result
	reason, detail string
}

func (e *ending) Error() string { return e.reason + ": " + e.detail }

// end records an ending like an attempt: it is the last word on the delivery.
func (s *Sender) end(ctx context.Context, j *job, e *ending) {
	o := s.outcome(j)
	o.Result, o.Reason, o.Detail = e.result, e.reason, brief(e.detail)
	s.finish(ctx, j, o)
}

// abandon gives up a task whose record could not be written before the sender
// had to stop. It comes again.
func (s *Sender) abandon(ctx context.Context, j *job, err error) {
	s.log(j).Error().Err(err).Msg("attempt not recorded; delivery given back")
	s.release(ctx, j)
}
