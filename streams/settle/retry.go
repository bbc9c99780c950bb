package settle

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Retry schedules the next attempt for w, in place of an earlier one. It comes
// at the second that at falls into, so at should be a whole second. The error
// is of kind Invalid when w is too large for a message.
func (d *Desk) Retry(ctx context.Context, w Work, at time.Time) error {
	const op = "schedule retry"
	data, err := json.Marshal(w)
	if err != nil {
		return fault.New(fault.Internal, op, w.Delivery.ID, err)
	}
	due := subject.RetryDue(d.cfg.Channel, w.Part, w.Delivery.Owner, w.Delivery.Subscription)
	return d.insist(ctx, op, func() error {
		msg := &nats.Msg{Subject: subject.RetrySet(d.cfg.Channel, w.Delivery.ID), Data: data}
		_, err := d.deps.JS.PublishMsg(ctx, msg,
			jetstream.WithScheduleAt(at), jetstream.WithScheduleTarget(due), jetstream.WithScheduleTTL(d.cfg.DueTTL))
		return failure(op, w.Delivery.ID, err)
	})
}

// Withdraw removes the pending retry of a delivery. It is needed only where an
// attempt was made that did not come from that retry: after a crash.
func (d *Desk) Withdraw(ctx context.Context, deliveryID string) error {
	const op = "withdraw retry"
	return d.insist(ctx, op, func() error {
		s, err := d.deps.JS.Stream(ctx, topology.Retries)
		if err == nil {
			err = s.Purge(ctx, jetstream.WithPurgeSubject(subject.RetrySet(d.cfg.Channel, deliveryID)))
		}
		return failure(op, deliveryID, err)
	})
}
