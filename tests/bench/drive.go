package main

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/jetstreamext"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// run measures one load on an empty store.
func (r *rig) run(ctx context.Context, l load, profile string) (out speed, err error) {
	a, err := r.open(ctx, l.sync, fanOut(l.fanOut, ""))
	if err != nil {
		return speed{}, err
	}
	defer a.close()
	if err := settled(ctx, a, l.fanOut); err != nil {
		return speed{}, err
	}
	err = profiled(profile, func() error {
		out, err = r.measure(ctx, a, l)
		return err
	})
	return out, err
}

// measure measures from the first publish to the last arrival, and processor
// time until every delivery is settled. Then it counts the outcomes.
func (r *rig) measure(ctx context.Context, a *app, l load) (speed, error) {
	want := l.events * l.fanOut
	before := cpuSeconds()
	took, err := r.drive(ctx, a, l.events, want)
	if err != nil {
		return speed{}, err
	}
	if err := a.allSettled(ctx); err != nil {
		return speed{}, err
	}
	out := speed{rate: float64(want) / took.Seconds(), cpu: (cpuSeconds() - before) / float64(want) * 1000}
	recorded, err := a.eventsByDelivery(ctx, want)
	if err == nil && len(recorded) != want {
		err = fmt.Errorf("%d outcomes of %d deliveries", len(recorded), want)
	}
	return out, err
}

// drive publishes events and returns how long it takes until the last delivery
// has arrived.
func (r *rig) drive(ctx context.Context, a *app, events, want int) (time.Duration, error) {
	got := r.expect(want)
	began := time.Now()
	if err := publish(ctx, a, events); err != nil {
		return 0, err
	}
	select {
	case <-got.done:
		return time.Since(began), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(3 * time.Minute):
		return 0, fmt.Errorf("%d of %d arrived, %d refused", len(got.seen), want, got.bad)
	}
}

// settled waits until the configuration has reached the services.
func settled(ctx context.Context, a *app, fanOut int) error {
	changed, end := a.Kit().Directory.Changes()
	defer end()
	for len(a.Kit().Directory.Owner("bench").Subscriptions) < fanOut {
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// publish stores n events in INBOX, in batches as a busy platform would.
func publish(ctx context.Context, a *app, n int) error {
	const batch = 1000 // the greatest that the server takes
	for from := 0; from < n; from += batch {
		msgs := make([]*nats.Msg, 0, batch)
		for i := from; i < min(from+batch, n); i++ {
			msgs = append(msgs, message(i))
		}
		if _, err := jetstreamext.PublishMsgBatch(ctx, a.Kit().JetStream, msgs); err != nil {
			return fmt.Errorf("publish: %w", err)
		}
	}
	return nil
}

func message(i int) *nats.Msg {
	return &nats.Msg{Subject: subject.Platform("bench", "invoice.posted"), Header: nats.Header{}, Data: fmt.Appendf(nil,
		`{"id":"evt_%d","time":"2026-11-23T09:30:00Z","account":"A-%d","data":{"Invoice.Id":"I-%d","Invoice.Number":"INV-%d",`+
			`"Invoice.Total":"%d.50","Invoice.Currency":"EUR","Account.Name":"Northwind %d"}}`, i, i%1000, i, i, i, i%1000)}
}

// allSettled waits until no delivery is unread or unacknowledged: the outcome of
// each was recorded before.
func (a *app) allSettled(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for part := 0; part < a.Kit().Partitions; {
		c, err := a.Kit().JetStream.Consumer(ctx, topology.Deliveries, topology.SenderDurable(delivery.Webhook, part))
		if err != nil {
			return err
		}
		if i := c.CachedInfo(); i.NumPending == 0 && i.NumAckPending == 0 {
			part++
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// stored waits until a stream has so many messages.
func stored(ctx context.Context, a *app, stream string, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s, err := a.Kit().JetStream.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if int(s.CachedInfo().State.Msgs) >= want {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
