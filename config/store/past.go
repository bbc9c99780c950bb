package store

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/shared/fault"
)

// past returns the sequence behind which something begins that starts in the
// past, nil where it does not, or where its start breaks a rule.
func past(ctx context.Context, events jetstream.Stream, from string) (*uint64, error) {
	if from == start.Beginning {
		return new(uint64), nil
	}
	at := start.At(from)
	if at.IsZero() {
		return nil, nil
	}
	seq, err := before(ctx, events, at)
	if err != nil {
		return nil, err
	}
	return &seq, nil
}

// before returns the last sequence that was stored before a moment. The server
// finds it for a consumer that begins there, and says so before it delivers
// anything.
func before(ctx context.Context, s jetstream.Stream, at time.Time) (uint64, error) {
	const op = "find sequence by time"
	c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &at,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Second,
	})
	if err != nil {
		return 0, fault.New(fault.Unavailable, op, s.CachedInfo().Config.Name, err)
	}
	info := c.CachedInfo()
	// It goes by itself, too.
	_ = s.DeleteConsumer(ctx, info.Name)
	return info.Delivered.Stream, nil
}
