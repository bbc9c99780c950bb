package settle

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Retry has w come back at a moment in whole seconds, in place of a retry that
// is pending for the same delivery. The fired copy has no TTL: it would be
// lost where the sender is away for longer; the desk removes what all
// instances are done with. The error is of kind Invalid when w fits no message.
func (d *Desk) Retry(ctx context.Context, w *Work, at time.Time) error {
	const op = "schedule retry"
	header, data, err := w.Encode()
	if err != nil {
		return err
	}
	ref := &w.Delivery
	due := subject.RetryDue(d.channel, w.Part, ref.Owner, ref.Subscription)
	msg := &nats.Msg{Subject: subject.RetrySet(d.channel, ref.ID), Header: header, Data: data}
	return d.insist(ctx, op, ref, bounded(func(ctx context.Context) error {
		_, err := d.js.PublishMsg(ctx, msg, jetstream.WithScheduleAt(at), jetstream.WithScheduleTarget(due))
		return failure(op, ref.ID, err)
	}))
}

// Forget removes the retry that may be pending for a delivery. It is needed
// only where an attempt was made that did not come from that retry: after a
// crash.
func (d *Desk) Forget(ctx context.Context, ref *delivery.Reference) error {
	const op = "forget retry"
	return d.insist(ctx, op, ref, bounded(func(ctx context.Context) error {
		s, err := d.js.Stream(ctx, topology.Retries)
		if err == nil {
			err = s.Purge(ctx, jetstream.WithPurgeSubject(subject.RetrySet(d.channel, ref.ID)))
		}
		return failure(op, ref.ID, err)
	}))
}

// LedOn reports whether the next attempt of w is made already as far as a retry
// shows: it waits for its moment, or it was due and is not swept away yet. What it
// led to is on record before it is. A retry is stored before the outcome of its
// attempt, so after a crash it may be all there is to tell of that.
func (d *Desk) LedOn(ctx context.Context, w *Work) (led bool, err error) {
	ref := &w.Delivery
	err = d.insist(ctx, "look for retry", ref, bounded(func(ctx context.Context) error {
		led, err = d.pending(ctx, w)
		if err != nil || led {
			return err
		}
		led, err = d.due(ctx, w)
		return err
	}))
	return led, err
}

// pending reports whether a retry behind the next attempt waits for its moment. If
// none does it never was there, or the due one is stored already.
func (d *Desk) pending(ctx context.Context, w *Work) (bool, error) {
	m, err := leader.Last(ctx, d.js, topology.Retries, subject.RetrySet(d.channel, w.Delivery.ID))
	if err != nil {
		return false, fault.New(fault.Unavailable, "read retry", w.Delivery.ID, err)
	}
	return m.Seq > 0 && w.before(m.Header), nil
}

// due reports whether a retry behind the next attempt was due.
func (d *Desk) due(ctx context.Context, w *Work) (bool, error) {
	ref := &w.Delivery
	all := scan.Stretch{
		Stream: topology.Retries, Filters: []string{subject.RetryDue(d.channel, w.Part, ref.Owner, ref.Subscription)}, HeadersOnly: true,
	}
	err := scan.Read(ctx, d.js, all, func(m *cursor.Message) error {
		if w.before(m.Header) {
			return errLed
		}
		return nil
	})
	if errors.Is(err, errLed) {
		return true, nil
	}
	return false, err
}

// before reports whether a retry counts the next attempt of w, or more.
func (w *Work) before(h nats.Header) bool {
	r, err := Decode(h, nil)
	return err == nil && r.Delivery.ID == w.Delivery.ID && r.Attempts > w.Attempts
}
