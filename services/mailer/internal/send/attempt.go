package send

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/notice"
)

// attempt makes one attempt. Its connection, and its place in the lane, are free
// for others once it is on record.
func (s *Sender) attempt(ctx context.Context, j *job, free func()) {
	r, refusal := s.Maker.Find(j.Task)
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) }) // may wait: beside
		return
	}
	made, err := s.Maker.Make(ctx, j.Task, r)
	var later *attempt.Later
	switch {
	case errors.As(err, &later):
		free()
		s.putOff(ctx, j, later.At)
	case err != nil:
		s.abandon(ctx, j, err)
	case made.Leave == nil:
		free()
		s.finish(ctx, j, made)
	default:
		leave := made.Leave
		made.Leave = sync.OnceFunc(func() {
			leave()
			free()
		})
		defer made.Leave()
		s.finish(ctx, j, made)
	}
}

// finish stores what follows from an attempt, in the order that a crash may
// cut anywhere: what is needed later, the record, the end of the task.
func (s *Sender) finish(ctx context.Context, j *job, made attempt.Made) {
	o := made.Outcome
	if err := s.keep(ctx, j, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.fault(FaultKept)
	if err := s.Desk.Record(ctx, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	if made.Leave != nil {
		made.Leave()
	}
	s.fault(FaultRecorded)
	if o.Result == delivery.Parked {
		s.Notices.Raise(notice.Parked(o))
	}
	// An earlier process may have put the delivery off and then crashed.
	if j.again && o.Result.Final() {
		if err := s.Desk.Forget(ctx, &j.Delivery); err != nil {
			j.Logger(s.Log).Warn().Err(err).Msg("pending retry not removed")
		}
	}
	s.done(ctx, j)
	s.fault(FaultSettled)
}

// keep stores what is needed later: the retry, or what is parked.
func (s *Sender) keep(ctx context.Context, j *job, o *delivery.Outcome) error {
	if o.Result != delivery.Retrying && o.Result != delivery.Parked {
		return nil
	}
	if err := j.Freeze(); err != nil {
		return err
	}
	w := j.Work
	w.Attempts = o.Attempt
	var err error
	if o.Result == delivery.Retrying {
		if err = s.Desk.Retry(ctx, &w, o.NextAt); fault.KindOf(err) != fault.Invalid || err == nil {
			return err
		}
		// The broker takes smaller messages than bags are made for. Without its
		// retry the delivery would come again at once, for ever.
		o.Result, o.Reason, o.NextAt = delivery.Parked, attempt.TooLarge, time.Time{}
	}
	j.Logger(s.Log).Warn().Str("reason", o.Reason).Str("detail", o.Detail).Int("attempts", o.Attempt).Msg("email parked")
	if err = s.Desk.Park(ctx, &w, o); err != nil && fault.KindOf(err) == fault.Invalid {
		w.Frozen = nil
		err = s.Desk.Park(ctx, &w, o)
	}
	return err
}
