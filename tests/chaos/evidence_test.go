package chaos_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/topology"
)

// evidence reads what the run left behind.
func (r *run) evidence(k tally) (*evidence, error) {
	r.mu.Lock()
	e := &evidence{
		published: r.published, credits: r.credits(), invoices: r.delivered,
		hooks: maps.Clone(r.hooks), mails: maps.Clone(r.mails), of: maps.Clone(r.of), bad: slices.Clone(r.bad),
		hookKills: k.byService["webhook-sender"], mailKills: k.byService["mailer"], inFlight: r.inFlight,
	}
	r.mu.Unlock()
	err := r.each(topology.Events, func(m jetstream.Msg) error {
		ev, err := event.Decode(m.Data())
		if err != nil {
			return err
		}
		l := logged{id: ev.ID, account: ev.Account}
		if ev.Type == "invoice.delivery_date_plus" {
			l.invoice = ev.Data.Text("Invoice.Id")
		}
		e.events = append(e.events, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return e, r.each(topology.Deliveries, func(m jetstream.Msg) error {
		var d delivery.Reference
		if err := json.Unmarshal(m.Data(), &d); err != nil {
			return err
		}
		e.deliveries = append(e.deliveries, d.Subscription+" "+d.EventID)
		return nil
	})
}

// credits is how many of the published events were credits.
func (r *run) credits() int {
	n := 0
	for i := r.invoices; i < r.published; i++ {
		if i%10 == 0 {
			n++
		}
	}
	return n
}

// each reads a whole stream in order.
func (r *run) each(stream string, do func(jetstream.Msg) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	s, err := r.js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	n := s.CachedInfo().State.Msgs
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	it, err := c.Messages()
	if err != nil {
		return err
	}
	defer it.Stop()
	for range n {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if err := do(m); err != nil {
			return err
		}
	}
	return nil
}
