// Package record writes down what became of deliveries: OUTCOMES for every
// attempt, RETRIES for what is tried again, PARKED for what is given up. A
// record is written for sure: while the server is away it is tried again until
// the context ends. It refuses to decide what is written in which order.
package record

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/webhook-sender/internal/frozen"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// HeaderAttempt is the header of an outcome that names its delivery and
// attempt, so that they can be found without reading bodies. It is formed by
// [AttemptKey].
const HeaderAttempt = "Billhook-Attempt"

// AttemptKey is the value of [HeaderAttempt].
func AttemptKey(deliveryID string, attempt int) string {
	return deliveryID + "/" + strconv.Itoa(attempt)
}

// Writer writes records.
type Writer struct {
	js       jetstream.JetStream
	log      zerolog.Logger
	outcomes *gather.Gatherer
	parked   *gather.Gatherer
}

// New returns a writer; it works while [Writer.Run] runs.
func New(js jetstream.JetStream, log zerolog.Logger) *Writer {
	return &Writer{
		js: js, log: log,
		outcomes: gather.New(js, topology.Outcomes), parked: gather.New(js, topology.Parked),
	}
}

// Run flushes what is written until ctx ends.
func (w *Writer) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- w.parked.Run(ctx) }()
	err := w.outcomes.Run(ctx)
	if e := <-done; err == nil {
		err = e
	}
	return err
}

// Outcome records an attempt.
func (w *Writer) Outcome(ctx context.Context, o *delivery.Outcome) error {
	data, err := json.Marshal(o)
	if err != nil {
		return fault.New(fault.Internal, "encode outcome", o.Delivery.ID, err)
	}
	ref := &o.Delivery
	msg := &nats.Msg{
		Subject: subject.Outcome(o.Channel, o.Result, ref.Owner, ref.Subscription),
		Header:  nats.Header{HeaderAttempt: {AttemptKey(ref.ID, o.Attempt)}},
		Data:    data,
	}
	return w.insist(ctx, ref, func() error {
		_, err := w.outcomes.Publish(ctx, msg)
		return err
	})
}

// Park keeps a webhook that was given up.
func (w *Writer) Park(ctx context.Context, f *frozen.Webhook, reason string) error {
	header, data, err := f.Encode()
	if err != nil {
		return err
	}
	header.Set(frozen.HeaderReason, reason)
	// A repeat after a crash is stored once, within the stream's window.
	header.Set(jetstream.MsgIDHeader, AttemptKey(f.Reference.ID, f.Attempts))
	msg := &nats.Msg{
		Subject: subject.Parked(delivery.Webhook, f.Reference.Owner, f.Reference.Subscription),
		Header:  header, Data: data,
	}
	return w.insist(ctx, &f.Reference, func() error {
		_, err := w.parked.Publish(ctx, msg)
		return err
	})
}

// Retry has the webhook come back at a moment in whole seconds, in the
// partition it came from. It takes the place of a retry that is pending for
// the same delivery. The fired copy has no TTL: it would be lost where the
// sender is away for longer; see [Sweeper].
func (w *Writer) Retry(ctx context.Context, f *frozen.Webhook, part int, at time.Time) error {
	header, data, err := f.Encode()
	if err != nil {
		return err
	}
	ref := &f.Reference
	due := subject.RetryDue(delivery.Webhook, part, ref.Owner, ref.Subscription)
	msg := &nats.Msg{Subject: subject.RetrySet(delivery.Webhook, ref.ID), Header: header, Data: data}
	return w.insist(ctx, ref, func() error {
		_, err := w.js.PublishMsg(ctx, msg, jetstream.WithScheduleAt(at), jetstream.WithScheduleTarget(due))
		return err
	})
}

// Forget removes the retry that may be pending for a delivery.
func (w *Writer) Forget(ctx context.Context, ref *delivery.Reference) error {
	return w.insist(ctx, ref, func() error {
		stream, err := w.js.Stream(ctx, topology.Retries)
		if err != nil {
			return err
		}
		return stream.Purge(ctx, jetstream.WithPurgeSubject(subject.RetrySet(delivery.Webhook, ref.ID)))
	})
}

// The pauses between tries, the second one doubled up to the third.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
)

// insist repeats a write until it is done or ctx ends.
func (w *Writer) insist(ctx context.Context, ref *delivery.Reference, write func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := write()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fault.New(fault.Unavailable, "record delivery", ref.ID, err)
		}
		w.log.Warn().Err(err).Str("owner", ref.Owner).Str("delivery", ref.ID).Msg("record not written; trying again")
		if err := wait(ctx, pause); err != nil {
			return fault.New(fault.Unavailable, "record delivery", ref.ID, err)
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
