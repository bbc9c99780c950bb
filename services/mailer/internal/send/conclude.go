package send

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"time"

	settings "github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
)

// conclude writes down what follows from an attempt.
func (s *Sender) conclude(ctx context.Context, j *job, o *delivery.Outcome, f *smtp.Failure) {
	ended := s.Now()
	o.Duration = ended.Sub(o.At)
	if j.First.IsZero() {
		j.First = o.At
	}
	a := verdict.Attempt{First: j.First, Ended: ended, Failure: f, Waiting: true}
	if j.bag != nil {
		a.Burnt, a.Waiting, a.Lost = j.bag.Burnt, j.bag.Waiting(), j.bag.Lost()
	}
	v := s.Policy.Judge(a)
	o.Result, o.Reason, o.NextAt = v.Result, v.Reason, v.NextAt
	o.Detail = brief(detail(j, f))
	o.Status = status(o, f)
	if j.bag != nil {
		j.bag.Burnt = v.Burnt
	}
	if v.Result == delivery.Parked {
		s.giveUp(j, o)
	}
	s.finish(ctx, j, o)
}

// giveUp makes everybody who waits lost, in the bag and in the records.
func (s *Sender) giveUp(j *job, o *delivery.Outcome) {
	if j.bag != nil {
		j.bag.GiveUp()
	}
	for i := range o.Recipients {
		if o.Recipients[i].Result == delivery.Retrying {
			o.Recipients[i].Result = delivery.Parked
		}
	}
}

// finish stores what follows from an attempt, in the order that a crash may
// cut anywhere: what is needed later, the record, the end of the task.
func (s *Sender) finish(ctx context.Context, j *job, o *delivery.Outcome) {
	if err := s.keep(ctx, j, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.fault(FaultKept)
	if err := s.Desk.Record(ctx, o); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	if j.leave != nil {
		j.leave()
	}
	s.fault(FaultRecorded)
	// An earlier process may have set a retry and then crashed.
	if j.again && o.Result.Final() {
		if err := s.Desk.Forget(ctx, &j.Delivery); err != nil {
			s.log(j).Warn().Err(err).Msg("pending retry not removed")
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
	if j.bag != nil {
		j.bag.Tidy()
	}
	if err := j.freeze(); err != nil {
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
		o.Result, o.Reason, o.NextAt = delivery.Parked, TooLarge, time.Time{}
	}
	s.log(j).Warn().Str("reason", o.Reason).Str("detail", o.Detail).Int("attempts", o.Attempt).Msg("email parked")
	if err = s.Desk.Park(ctx, &w, o.Reason); err != nil && fault.KindOf(err) == fault.Invalid {
		w.Frozen = nil
		err = s.Desk.Park(ctx, &w, o.Reason)
	}
	return err
}

// outcome begins the record of the next attempt.
func (s *Sender) outcome(j *job) *delivery.Outcome {
	return &delivery.Outcome{
		AttemptID: s.attemptID(), Attempt: j.Attempts + 1,
		Delivery: j.Delivery, Channel: delivery.Email, At: s.Now(),
	}
}

// attemptID draws the id of an attempt.
func (s *Sender) attemptID() string {
	var raw [16]byte
	_, _ = io.ReadFull(s.Rand, raw[:]) // a source that fails gives an id that is only less random
	return "att_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
}

// jitter draws from 0 to d.
func (s *Sender) jitter(d time.Duration) time.Duration {
	var raw [8]byte
	_, _ = io.ReadFull(s.Rand, raw[:])
	return time.Duration(binary.LittleEndian.Uint64(raw[:]) % uint64(d+1))
}

// key names settings in their present state: a change is another key.
func key(owner string, set *settings.Settings) string {
	return owner + "." + set.ID + "." + strconv.Itoa(set.Revision)
}

// detail says for people what happened.
func detail(j *job, f *smtp.Failure) string {
	var parts []string
	if f != nil {
		parts = append(parts, f.Error())
	}
	if j.repeat {
		parts = append(parts, "a repeat: a process ended while it sent the same letters")
	}
	if j.bag != nil && len(j.bag.Missing) > 0 {
		parts = append(parts, "no address for contact type "+strings.Join(j.bag.Missing, ", "))
	}
	return strings.Join(parts, "; ")
}

// status is the SMTP code that tells most: the failure's, else the first
// refusal's, else that of success.
func status(o *delivery.Outcome, f *smtp.Failure) int {
	if f != nil {
		return f.Code
	}
	code := 0
	for _, r := range o.Recipients {
		if r.Result != delivery.Delivered {
			return r.Status
		}
		code = r.Status
	}
	return code
}

// briefMax is the greatest length of a detail, in bytes.
const briefMax = 1000

// brief bounds what a server may have recorded.
func brief(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) > briefMax {
		s = strings.ToValidUTF8(s[:briefMax], "") + "…"
	}
	return s
}
