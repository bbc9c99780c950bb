package send

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
)

const (
	// patience is how long the configuration may be later than the delivery
	// that names it.
	patience = 5 * time.Second
	// repair is after what time it is tried again where the operator has
	// something to repair. It takes no attempt.
	repair = time.Minute
)

// refuse ends a delivery that has no target, once that is sure.
func (s *Sender) refuse(ctx context.Context, j *job, r *target.Refusal) {
	if r.Early {
		waiting, cancel := context.WithTimeout(ctx, patience)
		_, r = s.Targets.Await(waiting, &j.Delivery, j.endpoint())
		cancel()
		if r == nil {
			s.line(ctx, j)
			return
		}
	}
	if r.Result == delivery.Retrying {
		s.logFor(j).Error().Err(r.Err).Str("endpoint", r.Endpoint).Str("reason", r.Reason).Msg("webhook put off")
		s.putOff(ctx, j, repair)
		return
	}
	e := ending{result: r.Result, reason: r.Reason, target: r.Endpoint}
	if r.Err != nil {
		e.detail = r.Err.Error()
	}
	s.end(ctx, j, e)
}

// ending is the end of a delivery without a request.
type ending struct {
	result         delivery.Result
	reason, detail string
	target         string
}

// end records it like an attempt, since it is the last word on the delivery.
func (s *Sender) end(ctx context.Context, j *job, e ending) {
	o := j.outcome(s, e.result)
	o.Reason, o.Detail, o.Target = e.reason, e.detail, e.target
	if o.Target == "" {
		o.Target = j.endpoint()
	}
	s.finish(ctx, j, o, j.Attempts)
}

// putOff has a delivery come again after wait. It takes no attempt: the task
// was not tried, there was no room for it.
func (s *Sender) putOff(ctx context.Context, j *job, wait time.Duration) {
	if err := s.Desk.Retry(ctx, &j.Work, verdict.WholeSecond(s.Now().Add(wait))); err != nil {
		s.abandon(ctx, j, err)
		return
	}
	s.settle(ctx, j)
	s.recent.End(j.Delivery.ID, j.Attempts)
}

// malformed parks what cannot be read: it is a defect, and must be seen.
func (s *Sender) malformed(ctx context.Context, j *job, err error) {
	s.logFor(j).Error().Err(err).Msg("delivery cannot be read")
	if j.Delivery.Owner == "" {
		s.settle(ctx, j) // not even its subject says whose it is
		return
	}
	s.end(ctx, j, ending{result: delivery.Parked, reason: Malformed, detail: err.Error()})
}

// attemptID draws the id of an attempt.
func attemptID(rand io.Reader) string {
	var raw [16]byte
	_, _ = io.ReadFull(rand, raw[:]) // a source that fails gives an id that is only less random
	return "att_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw[:]))
}

// draw draws from [0, n).
func (s *Sender) draw(n int64) int64 {
	var raw [8]byte
	_, _ = io.ReadFull(s.Rand, raw[:])
	return int64(binary.LittleEndian.Uint64(raw[:]) % uint64(n))
}
