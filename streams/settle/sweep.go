package settle

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// sweepEvery is how often due retries that were done are removed.
const sweepEvery = time.Minute

// sweep removes the due retries that all instances are done with: those up to
// the durable consumer's acknowledgement floor. A lost sweep does no harm, the
// next one removes more.
func (d *Desk) sweep(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	var floor uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		reached, err := d.sweepBehind(ctx, floor)
		if err != nil && ctx.Err() == nil {
			d.log.Warn().Err(err).Msg("due retries not swept; tried again later")
			continue
		}
		floor = reached
	}
}

// sweepBehind removes up to the floor when that has moved, and returns it.
func (d *Desk) sweepBehind(ctx context.Context, floor uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepEvery/2)
	defer cancel()
	s, err := d.js.Stream(ctx, topology.Retries)
	if err != nil {
		return floor, err
	}
	c, err := s.Consumer(ctx, topology.RetriesDurable(d.channel))
	if err != nil {
		return floor, err
	}
	reached := c.CachedInfo().AckFloor.Stream
	if reached <= floor {
		return floor, nil
	}
	err = s.Purge(ctx, jetstream.WithPurgeSubject(subject.RetriesDue(d.channel)), jetstream.WithPurgeSequence(reached+1))
	if err != nil {
		return floor, err
	}
	return reached, nil
}
