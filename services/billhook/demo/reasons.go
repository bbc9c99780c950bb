package demo

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// reasons prints what the senders recorded about deliveries that did not
// succeed, so that a missing arrival explains itself.
func (s *show) reasons(ctx context.Context) error {
	stream, err := s.stage.app.Kit().JetStream.Stream(ctx, topology.Outcomes)
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	c, err := stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	batch, err := c.FetchNoWait(int(stream.CachedInfo().State.Msgs))
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	for m := range batch.Messages() {
		all, err := delivery.ReadOutcomes(m.Data())
		if err != nil {
			return fmt.Errorf("read outcomes: %w", err)
		}
		for _, o := range all {
			if o.Result != delivery.Delivered {
				fmt.Fprintf(s.Out, "%s %s attempt %d: %s, %s: %s\n", o.Channel, o.Delivery.EventType, o.Attempt, o.Result, o.Reason, o.Detail)
			}
		}
	}
	return nil
}
