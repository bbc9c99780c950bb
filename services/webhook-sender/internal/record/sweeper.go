package record

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Sweeper removes due retries from RETRIES once they are settled, by all
// instances: those up to the consumer's acknowledged floor.
type Sweeper struct {
	JS  jetstream.JetStream
	Log zerolog.Logger
	// Every is the time between sweeps.
	Every time.Duration
}

// Run sweeps until ctx ends. A sweep that fails is made up for by the next.
func (s *Sweeper) Run(ctx context.Context) error {
	var swept uint64
	for wait(ctx, s.Every) == nil {
		floor, err := s.sweep(ctx, swept)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("settled retries not removed")
			continue
		}
		swept = floor
	}
	return nil
}

// sweep removes what lies between two floors and returns the new one.
func (s *Sweeper) sweep(ctx context.Context, swept uint64) (uint64, error) {
	consumer, err := s.JS.Consumer(ctx, topology.Retries, topology.RetriesDurable(delivery.Webhook))
	if err != nil {
		return swept, err
	}
	floor := consumer.CachedInfo().AckFloor.Stream
	if floor <= swept {
		return swept, nil
	}
	stream, err := s.JS.Stream(ctx, topology.Retries)
	if err != nil {
		return swept, err
	}
	due := jetstream.WithPurgeSubject(subject.RetriesDue(delivery.Webhook))
	if err := stream.Purge(ctx, due, jetstream.WithPurgeSequence(floor+1)); err != nil {
		return swept, err
	}
	return floor, nil
}
