package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/topology"
)

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

// judgeEvents holds EVENTS to what was published: every id once, and each
// account's events in the order in which they were acknowledged.
func (r *run) judgeEvents() error {
	seen, last := map[string]bool{}, map[string]int{}
	n := 0
	err := r.each(topology.Events, func(m jetstream.Msg) error {
		e, err := event.Decode(m.Data())
		if err != nil {
			return err
		}
		if seen[e.ID] {
			return fmt.Errorf("event %s stands twice", e.ID)
		}
		seen[e.ID] = true
		kind, number, _ := strings.Cut(e.ID, "_")
		if kind != "acc" && kind != "crd" {
			return nil
		}
		n++
		i, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		if i <= last[e.Account] {
			return fmt.Errorf("event %s of %s comes after %d", e.ID, e.Account, last[e.Account])
		}
		last[e.Account] = i
		return nil
	})
	return errors.Join(err, missing("events", r.published-r.delivered, n))
}

// judgeDeliveries holds DELIVERIES to one per event that somebody wants.
func (r *run) judgeDeliveries() error {
	seen := map[string]bool{}
	err := r.each(topology.Deliveries, func(m jetstream.Msg) error {
		var d delivery.Reference
		if err := json.Unmarshal(m.Data(), &d); err != nil {
			return err
		}
		key := d.Subscription + " " + d.EventID
		if seen[key] {
			return fmt.Errorf("delivery %s stands twice", key)
		}
		seen[key] = true
		return nil
	})
	return errors.Join(err, missing("deliveries", r.published, len(seen)))
}

func (r *run) judgeHooks() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.bad) > 0 {
		return fmt.Errorf("arrived wrongly: %v", r.bad)
	}
	events := map[string]bool{}
	for id, e := range r.of {
		if events[e] {
			return fmt.Errorf("event %s arrived under two webhook ids, one is %s", e, id)
		}
		events[e] = true
	}
	return missing("webhooks", r.published-r.creditsPublished(), len(events))
}

func (r *run) creditsPublished() int {
	n := 0
	for i := r.invoices; i < r.published; i++ {
		if i%10 == 0 {
			n++
		}
	}
	return n
}

func (r *run) judgeMails() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return missing("mails", r.creditsPublished(), len(r.mails))
}

// judgePlans holds EVENTS to one scheduled event per delivered invoice.
func (r *run) judgePlans() error {
	fired := map[string]int{}
	err := r.each(topology.Events, func(m jetstream.Msg) error {
		e, err := event.Decode(m.Data())
		if err == nil && e.Type == "invoice.delivery_date_plus" {
			fired[e.Data.Text("Invoice.Id")]++
		}
		return err
	})
	for invoice, n := range fired {
		if n != 1 {
			err = errors.Join(err, fmt.Errorf("invoice %s fired %d times", invoice, n))
		}
	}
	return errors.Join(err, missing("plans", r.delivered, len(fired)))
}

// judgeRepeats bounds what receivers saw again by what can have been under way
// when a sender died.
func (r *run) judgeRepeats(k tally) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	hooks, mails := 0, 0
	for _, n := range r.hooks {
		hooks += n - 1
	}
	for _, n := range r.mails {
		mails += n - 1
	}
	if limit := k.byService["webhook-sender"] * r.inFlight; hooks > limit {
		return fmt.Errorf("%d webhooks repeated, more than %d", hooks, limit)
	}
	const connections = 4 // the mailer's default per SMTP settings
	if limit := k.byService["mailer"] * connections; mails > limit {
		return fmt.Errorf("%d mails repeated, more than %d", mails, limit)
	}
	return nil
}
