package series

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// headsOf keeps the heads of a subscription as plain messages of RETRIES, one
// a delivery.
type headsOf struct {
	js  jetstream.JetStream
	key Key
}

func (h headsOf) subject(deliveryID string) string {
	return subject.HeadKept(h.key.Channel, h.key.Owner, h.key.Subscription, deliveryID)
}

func (h headsOf) keep(ctx context.Context, w *settle.Work) error {
	const op = "keep head"
	header, data, err := w.Encode()
	if err != nil {
		return err
	}
	header[jetstream.MsgRollup] = []string{jetstream.MsgRollupSubject}
	m := &nats.Msg{Subject: h.subject(w.Delivery.ID), Header: header, Data: data}
	pause := keepPause
	for {
		err := h.publish(ctx, m)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, op, w.Delivery.ID, errors.Join(err, context.Cause(ctx)))
		case <-time.After(pause):
			pause = min(2*pause, time.Second)
		}
	}
}

// keepPause is how long the first pause between two tries is.
const keepPause = 50 * time.Millisecond

func (h headsOf) publish(ctx context.Context, m *nats.Msg) error {
	ctx, cancel := api.Bound(ctx, h.js)
	defer cancel()
	_, err := h.js.PublishMsg(ctx, m)
	return err
}

func (h headsOf) load(ctx context.Context, deliveryID string) (*settle.Work, error) {
	m, err := leader.Last(ctx, h.js, topology.Retries, h.subject(deliveryID))
	if err != nil {
		return nil, fault.New(fault.Unavailable, "load head", deliveryID, err)
	}
	if m.Seq == 0 {
		return nil, nil
	}
	w, err := settle.Decode(m.Header, m.Data)
	if err != nil {
		return nil, err
	}
	return &w, nil
}

func (h headsOf) drop(ctx context.Context, deliveryID string) error {
	ctx, cancel := api.Bound(ctx, h.js)
	defer cancel()
	s, err := h.js.Stream(ctx, topology.Retries)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(h.subject(deliveryID)))
	}
	if err != nil {
		return fault.New(fault.Unavailable, "drop head", deliveryID, err)
	}
	return nil
}

// list reads the headers of what is kept. Mostly there is nothing.
func (h headsOf) list(ctx context.Context) ([]delivery.Reference, error) {
	const op = "list heads"
	filter := subject.HeadsKept(h.key.Channel, h.key.Owner, h.key.Subscription)
	newest, err := leader.Last(ctx, h.js, topology.Retries, filter)
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, h.key.Subscription, err)
	}
	if newest.Seq == 0 {
		return nil, nil
	}
	out, err := h.read(ctx, filter, newest.Seq)
	if err != nil {
		return nil, fault.New(fault.Unavailable, op, h.key.Subscription, err)
	}
	return out, nil
}

// read reads the references of what is kept up to a sequence.
func (h headsOf) read(ctx context.Context, filter string, until uint64) (out []delivery.Reference, err error) {
	err = scan.Read(ctx, h.js, scan.Stretch{Stream: topology.Retries, Filters: []string{filter}, Until: until}, func(m *cursor.Message) error {
		var ref delivery.Reference
		err := json.Unmarshal([]byte(m.Header.Get(settle.HeaderDelivery)), &ref)
		out = append(out, ref)
		return err
	})
	return out, err
}
