package settle

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// Headers of outcomes, so that those of a delivery are found without reading
// bodies.
const (
	// HeaderAttempt names delivery and attempt, see [AttemptKey].
	HeaderAttempt = "Billhook-Attempt"
	// HeaderResult is the outcome's result.
	HeaderResult = "Billhook-Result"
	// HeaderAt is when the attempt began, in RFC 3339.
	HeaderAt = "Billhook-At"
)

// AttemptKey is the value of [HeaderAttempt].
func AttemptKey(deliveryID string, attempt int) string {
	return deliveryID + "/" + strconv.Itoa(attempt)
}

// Record stores the outcome of an attempt. After a lost acknowledgement it may
// be stored twice, with the same attempt id.
func (d *Desk) Record(ctx context.Context, o *delivery.Outcome) error {
	const op = "record outcome"
	data, err := json.Marshal(o)
	if err != nil {
		return fault.New(fault.Internal, op, o.Delivery.ID, err)
	}
	ref := &o.Delivery
	msg := &nats.Msg{
		Subject: subject.Outcome(d.channel, o.Result, ref.Owner, ref.Subscription),
		Header: nats.Header{
			HeaderAttempt: {AttemptKey(ref.ID, o.Attempt)},
			HeaderResult:  {string(o.Result)},
			HeaderAt:      {o.At.Format(time.RFC3339Nano)},
		},
		Data: data,
	}
	return d.insist(ctx, op, ref, func(ctx context.Context) error {
		_, err := d.outcomes.Publish(ctx, msg)
		return err
	})
}

// Park keeps a delivery that is given up, with what a replay needs. A repeat
// after a crash is stored once, within the stream's short window.
func (d *Desk) Park(ctx context.Context, w *Work, reason string) error {
	const op = "park delivery"
	header, data, err := w.encode()
	if err != nil {
		return err
	}
	ref := &w.Delivery
	header[HeaderReason] = []string{reason}
	if ref.ID != "" {
		header[jetstream.MsgIDHeader] = []string{AttemptKey(ref.ID, w.Attempts)}
	}
	msg := &nats.Msg{Subject: subject.Parked(d.channel, ref.Owner, ref.Subscription), Header: header, Data: data}
	return d.insist(ctx, op, ref, func(ctx context.Context) error {
		_, err := d.parked.Publish(ctx, msg)
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
