package settle

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// Record stores the outcome of an attempt. After a lost acknowledgement it may
// be stored twice, with the same attempt id.
func (d *Desk) Record(ctx context.Context, o *delivery.Outcome) error {
	const op = "record outcome"
	data, err := json.Marshal(o)
	if err != nil {
		return fault.New(fault.Internal, op, o.Delivery.ID, err)
	}
	to := subject.Outcome(d.cfg.Channel, o.Result, o.Delivery.Owner, o.Delivery.Subscription)
	return d.insist(ctx, op, func() error {
		_, err := d.outcomes.Publish(ctx, &nats.Msg{Subject: to, Data: data})
		return err
	})
}

// Parked is a delivery that was given up, as PARKED keeps it. Its Work has
// what a replay needs.
type Parked struct {
	Work
	// Reason and Detail are those of the last outcome.
	Reason string    `json:"reason"`
	Detail string    `json:"detail,omitempty"`
	At     time.Time `json:"at"`
}

// Park keeps a delivery that is given up. After a crash it may be kept twice.
func (d *Desk) Park(ctx context.Context, p Parked) error {
	const op = "park delivery"
	data, err := json.Marshal(p)
	if err != nil {
		return fault.New(fault.Internal, op, p.Delivery.ID, err)
	}
	to := subject.Parked(d.cfg.Channel, p.Delivery.Owner, p.Delivery.Subscription)
	return d.insist(ctx, op, func() error {
		_, err := d.parked.Publish(ctx, &nats.Msg{Subject: to, Data: data})
		return err
	})
}

// failure gives an error of the server its kind: what the request itself is to
// blame for fails again.
func failure(op, id string, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.Unavailable
	var api *jetstream.APIError
	if errors.Is(err, nats.ErrMaxPayload) || errors.As(err, &api) && api.Code == http.StatusBadRequest {
		kind = fault.Invalid
	}
	return fault.New(kind, op, id, err)
}
