package settle

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
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
