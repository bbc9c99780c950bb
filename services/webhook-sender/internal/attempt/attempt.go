// Package attempt makes one attempt of a webhook: it finds out where the
// delivery goes, freezes what is sent, signs and posts it, and judges the
// answer. What follows is the caller's, who stores the outcome: this package
// knows neither pools nor orders, and records nothing.
//
//	work ─▶ target ─▶ event ─▶ frozen body ─▶ POST ─▶ verdict ─▶ outcome
package attempt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/signature"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/verdict"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/settle"
)

// ErrCancelled says that an attempt was cut off by the end of its context, so
// that nobody knows whether the receiver took it.
var ErrCancelled = errors.New("the attempt was cut off")

// Settings are the parts that attempts are made with.
type Settings struct {
	Targets *target.Book
	Events  *eventlog.Reader
	Client  *post.Client
	// MaxRetryAfter bounds what a receiver may ask for.
	MaxRetryAfter time.Duration
	Log           zerolog.Logger
	Now           func() time.Time
	Rand          io.Reader
}

// Maker makes attempts. It may be used by many goroutines.
type Maker struct{ Settings }

// New returns a maker.
func New(s Settings) *Maker { return &Maker{Settings: s} }

// Made is what became of an attempt.
type Made struct {
	// Outcome is complete but for being stored.
	Outcome *delivery.Outcome
	// Requested is true when a request was made. Only those count as attempts:
	// a delivery that ends without one has as many behind it as before.
	Requested bool
	// URL is where it went, Answer what became of it, and Told what the breaker
	// of the endpoint is told of it.
	URL    *url.URL
	Answer post.Answer
	Told   breaker.Answer
}

// After returns the work with the attempt behind it.
func (m Made) After(w settle.Work) settle.Work {
	if !m.Requested {
		return w
	}
	w.Attempts = m.Outcome.Attempt
	if w.First.IsZero() {
		w.First = m.Outcome.At
	}
	return w
}

// Way says how an attempt is made. The zero Way is that of a delivery without
// order.
type Way struct {
	// Answered is called once the endpoint is done with a request; may be nil.
	Answered func()
	// Sequence is sent with ordered deliveries; 0 for others.
	Sequence uint64
	// Forever plans another attempt after every failure.
	Forever bool
	// Event is the delivery's, where it is at hand.
	Event *event.Event
	// Test marks the request as none that counts.
	Test bool
}

// testHeader is the header of tests, whose value is true.
const testHeader = "billhook-test"

// Make makes the next attempt of w at t, freezing in w what is sent. The error
// is [ErrCancelled], or says that the event cannot be read for now; then
// nothing became of the attempt.
func (m *Maker) Make(ctx context.Context, w *settle.Work, t *target.Target, way Way) (Made, error) {
	request, err := m.prepare(ctx, w, preparing{t, way.Event})
	var h *hopeless
	if errors.As(err, &h) {
		return m.End(w, Ending{Result: delivery.Parked, Reason: h.reason, Detail: h.err.Error(), Endpoint: t.Endpoint}), nil
	}
	if err != nil {
		return Made{}, err
	}
	if way.Test {
		request.added = append(request.added, [2]string{testHeader, "true"})
	}
	o := m.outcome(w, "")
	o.Target = t.Endpoint
	at := o.At.Unix()
	message := signature.Message{ID: w.Delivery.ID, Timestamp: at, Body: w.Frozen}
	answer := m.Client.Post(ctx, post.Request{
		URL: request.url, ContentType: request.contentType, Added: request.added, Proof: t.Proof, ID: w.Delivery.ID, Timestamp: at, Body: w.Frozen,
		Signature: signature.Header(message, t.Keys(o.At)), Sequence: way.Sequence,
	})
	if way.Answered != nil {
		way.Answered()
	}
	if answer.Reason == post.Cancelled {
		return Made{}, ErrCancelled
	}
	if answer.Refused != "" {
		m.Log.Warn().Str("owner", w.Delivery.Owner).Str("delivery", w.Delivery.ID).
			Str("endpoint", t.Endpoint).Str("refused", answer.Refused).Msg("address not allowed")
	}
	m.judge(o, verdict.Policy{Schedule: t.Schedule, After: w.Resent.After, Forever: way.Forever}, answer)
	if len(w.Frozen) > advisedBytes {
		o.Detail = strings.TrimSpace(o.Detail + fmt.Sprintf(" (the body of %d bytes is over the 20 kB that receivers are advised to expect)", len(w.Frozen)))
	}
	return Made{Outcome: o, Requested: true, URL: request.url, Answer: answer, Told: breaker.Answer{
		Reason: answer.Reason, Status: answer.Status, RetryAfter: answer.RetryAfter,
		Exhausted: o.Result == delivery.Parked && o.Reason != verdict.Gone, URL: t.Base.String(),
	}}, nil
}

// advisedBytes is what Standard Webhooks advises senders to stay below.
const advisedBytes = 20_000

// judge completes the outcome of a request.
func (m *Maker) judge(o *delivery.Outcome, policy verdict.Policy, a post.Answer) {
	policy.MaxRetryAfter, policy.Rand = m.MaxRetryAfter, backoff.Draws(m.Rand)
	v := policy.Judge(verdict.Attempt{
		Number: o.Attempt, Reason: a.Reason, Status: a.Status, RetryAfter: a.RetryAfter, Ended: o.At.Add(a.Took),
	})
	o.Result, o.Reason, o.NextAt = v.Result, v.Reason, v.NextAt
	o.Duration, o.Status, o.Detail, o.Response = a.Took, a.Status, a.Detail, a.Body
}

// Ending is the end of a delivery without a request. Endpoint may be empty
// where what is frozen names it, or where none is known.
type Ending struct {
	Result         delivery.Result
	Reason, Detail string
	Endpoint       string
}

// End ends a delivery without a request. The outcome is numbered like that of
// an attempt, since it is the last word on the delivery.
func (m *Maker) End(w *settle.Work, e Ending) Made {
	o := m.outcome(w, e.Result)
	o.Reason, o.Detail, o.Target = e.Reason, e.Detail, e.Endpoint
	if o.Target == "" {
		o.Target = Endpoint(w)
	}
	return Made{Outcome: o}
}

// outcome begins the record of the next attempt.
func (m *Maker) outcome(w *settle.Work, result delivery.Result) *delivery.Outcome {
	return &delivery.Outcome{
		AttemptID: delivery.AttemptID(m.Rand), Attempt: w.Attempts + 1,
		Delivery: w.Delivery, Channel: delivery.Webhook, Result: result, At: m.Now(), Resent: !w.Resent.At.IsZero(),
	}
}
