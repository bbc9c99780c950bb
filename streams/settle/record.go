package settle

import (
	"context"
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
// bodies. A message that holds several outcomes has a value for each, in the
// order of its lines.
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

// Message returns the message that records an outcome, without a subject.
// [delivery.ReadOutcomes] reads it.
func Message(o *delivery.Outcome) *nats.Msg {
	values := [3]string{AttemptKey(o.Delivery.ID, o.Attempt), string(o.Result), o.At.Format(time.RFC3339Nano)}
	return &nats.Msg{
		Header: nats.Header{
			HeaderAttempt: values[0:1:1], HeaderResult: values[1:2:2], HeaderAt: values[2:3:3],
		},
		Data: o.AppendJSON(make([]byte, 0, outcomeRoom+len(o.Detail)+len(o.Response))),
	}
}

// outcomeRoom is what most outcomes fit into.
const outcomeRoom = 768

// Record stores the outcome of an attempt. After a lost acknowledgement it may
// be stored twice, with the same attempt id.
func (d *Desk) Record(ctx context.Context, o *delivery.Outcome) error {
	const op = "record outcome"
	msg := Message(o)
	ref := &o.Delivery
	msg.Subject = subject.Outcome(d.channel, o.Result, ref.Owner, ref.Subscription)
	return d.insist(ctx, op, ref, func(ctx context.Context) error {
		_, err := d.outcomes.Publish(ctx, msg)
		return err
	})
}

// Park keeps a delivery that is given up, with what a resend needs, and with
// what its last outcome says: reason, target and number, which is greater than
// that of the attempts where it ended without one. A repeat after a crash is
// stored once, within the stream's short window.
func (d *Desk) Park(ctx context.Context, w *Work, o *delivery.Outcome) error {
	const op = "park delivery"
	header, data, err := w.Encode()
	if err != nil {
		return err
	}
	ref := &w.Delivery
	header[HeaderReason] = []string{o.Reason}
	header[HeaderAttempt] = []string{AttemptKey(ref.ID, o.Attempt)}
	if o.Target != "" {
		header[HeaderTarget] = []string{o.Target}
	}
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
