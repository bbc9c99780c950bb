package send

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/billhook/billhook/services/webhook-sender/internal/payload"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/signature"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/tokens"
)

// The reasons why a delivery is parked without a request.
const (
	// Expired: retention removed the event before it was sent.
	Expired = "event_expired"
	// TooLarge: the body is over 256 KiB.
	TooLarge = "body_too_large"
	// RenderFailed: a template failed on this event's values.
	RenderFailed = "render_failed"
	// PathRefused: the rendered path would leave the endpoint's URL.
	PathRefused = "path_refused"
	// Malformed: the stored delivery cannot be read.
	Malformed = "malformed"
)

// hopeless is a failure that no repeat can mend.
type hopeless struct {
	reason string
	err    error
}

func (h *hopeless) Error() string { return h.reason + ": " + h.err.Error() }

func (h *hopeless) Unwrap() error { return h.err }

// attempt makes one attempt. It calls free once the endpoint is done with it.
func (s *Sender) attempt(ctx context.Context, j *job, free func()) {
	t, refusal := s.Targets.Find(&j.Delivery, j.endpoint())
	if refusal != nil {
		s.work.Go(func() { s.refuse(ctx, j, refusal) }) // may wait: beside
		return
	}
	u, err := s.prepare(ctx, j, t)
	if err != nil {
		s.work.Go(func() { s.unprepared(ctx, j, err) }) // may wait: beside
		return
	}
	o := j.outcome(s, "")
	o.Target = t.Endpoint
	at := o.At.Unix()
	m := signature.Message{ID: j.Delivery.ID, Timestamp: at, Body: j.Frozen}
	answer := s.Client.Post(ctx, post.Request{
		URL: u, ID: j.Delivery.ID, Timestamp: at, Body: j.Frozen,
		Signature: signature.Header(m, t.Keys(o.At)),
	})
	free()
	if answer.Reason == post.Cancelled {
		s.release(ctx, j)
		return
	}
	s.fault(FaultPosted)
	if answer.Refused != "" {
		s.logFor(j).Warn().Str("endpoint", t.Endpoint).Str("refused", answer.Refused).Msg("address not allowed")
	}
	s.judge(o, t, answer)
	s.finish(ctx, j, o, o.Attempt)
}

// prepare freezes path and body where they are not yet, and joins the URL.
func (s *Sender) prepare(ctx context.Context, j *job, t *target.Target) (*url.URL, error) {
	if !j.frozen() {
		ev, err := s.Events.Get(ctx, j.Delivery.EventSeq)
		if errors.Is(err, eventlog.ErrExpired) {
			return nil, &hopeless{Expired, err}
		}
		if err != nil {
			return nil, err
		}
		frame := tokens.Frame{OwnerName: t.Owner, Zone: s.Targets.Zone(ev.Data.Text("Account.TimeZone"), t.Zone), Now: s.Now()}
		r, err := t.Program.Render(ev, frame)
		if errors.Is(err, payload.ErrTooLarge) {
			return nil, &hopeless{TooLarge, err}
		}
		if err != nil {
			return nil, &hopeless{RenderFailed, err}
		}
		j.freeze(t.Endpoint, r.Path, r.Body)
	}
	u, err := guard.JoinPath(t.Base, j.Header.Get(HeaderPath))
	if err != nil {
		return nil, &hopeless{PathRefused, err}
	}
	return u, nil
}

// unprepared ends a delivery that cannot be sent, or has it tried later.
func (s *Sender) unprepared(ctx context.Context, j *job, err error) {
	var h *hopeless
	if !errors.As(err, &h) {
		s.logFor(j).Warn().Err(err).Msg("delivery given back")
		s.giveBack(ctx, j)
		return
	}
	s.end(ctx, j, ending{result: delivery.Parked, reason: h.reason, detail: h.err.Error()})
}

// judge completes the outcome of an attempt.
func (s *Sender) judge(o *delivery.Outcome, t *target.Target, a post.Answer) {
	policy := verdict.Policy{Schedule: t.Schedule, MaxRetryAfter: s.MaxRetryAfter, Rand: s.draw}
	v := policy.Judge(verdict.Attempt{
		Number: o.Attempt, Reason: a.Reason, Status: a.Status, RetryAfter: a.RetryAfter, Ended: o.At.Add(a.Took),
	})
	o.Result, o.Reason, o.NextAt = v.Result, v.Reason, v.NextAt
	o.Duration, o.Status, o.Detail, o.Response = a.Took, a.Status, a.Detail, a.Body
}

// finish stores what follows from an outcome with made requests behind it, in
// an order that a crash may cut anywhere: what is needed later, the record,
// the end of the task.
func (s *Sender) finish(ctx context.Context, j *job, o *delivery.Outcome, made int) {
	w := j.Work
	w.Attempts = made
	if w.First.IsZero() && made > 0 {
		w.First = o.At
	}
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
	// An earlier delivery of this task may have set a retry and then crashed.
	if j.again && o.Result.Final() {
		if err := s.Desk.Forget(ctx, &j.Delivery); err != nil {
			s.logFor(j).Warn().Err(err).Msg("pending retry not removed")
		}
	}
	s.settle(ctx, j)
	s.fault(FaultSettled)
	s.recent.End(j.Delivery.ID, o.Attempt)
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
		return s.Desk.Park(ctx, w, o.Reason)
	default:
		return nil
	}
}

// abandon gives up a task whose record could not be written before the sender
// had to stop. It comes again.
func (s *Sender) abandon(ctx context.Context, j *job, err error) {
	s.logFor(j).Error().Err(fmt.Errorf("attempt not recorded: %w", err)).Msg("delivery given back")
	s.recent.End(j.Delivery.ID, j.Attempts)
	_ = j.task.Release(ctx) // it comes again by itself otherwise
}
