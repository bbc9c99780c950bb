// Package sweep removes what is kept of reading queues that are not there any more:
// deleted ones, those of owners that were deleted, and those that another has the
// id of. It refuses to trust the watched configuration, which may be behind, with
// that: what is not in it is looked for where it is stored.
package sweep

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	config "github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/topology"
)

// Settings is what a sweep works with.
type Settings struct {
	JetStream jetstream.JetStream
	// Directory watches queues.
	Directory *directory.Directory
	Log       zerolog.Logger
}

// Every sweeps now and then, until ctx ends.
func Every(ctx context.Context, every time.Duration, s Settings) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := Once(ctx, s); err != nil && ctx.Err() == nil {
			s.Log.Warn().Err(err).Msg("states of deleted queues not removed; trying again")
		}
	}
}

// Once sweeps, and returns how many states it removed.
func Once(ctx context.Context, s Settings) (removed int, err error) {
	states, queues := bucket.Open(s.JetStream, topology.QueueState), bucket.Open(s.JetStream, topology.Queues)
	var doubtful []bucket.Entry
	err = states.Each(ctx, bucket.Keys{Bare: true}, func(e bucket.Entry) error {
		if !s.known(e.Key) {
			doubtful = append(doubtful, e)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, e := range doubtful {
		if there, err := stored(ctx, queues, e.Key); err != nil || there {
			if err != nil {
				return removed, err
			}
			continue
		}
		// Who writes it in this moment reads an old configuration, and is swept away
		// next time.
		if _, err := states.Delete(ctx, e.Key, e.Revision); err != nil && fault.KindOf(err) != fault.Conflict {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// known reports whether the queue of a state is in the watched configuration.
func (s *Settings) known(key string) bool {
	at, incarnation := queue.ParseKey(key)
	q, ok := s.Directory.Owner(at.Owner).Queues[at.Queue]
	return ok && q.Incarnation == incarnation
}

// stored reports whether the queue of a state is stored.
func stored(ctx context.Context, queues *bucket.Bucket, key string) (bool, error) {
	at, incarnation := queue.ParseKey(key)
	e, err := queues.Get(ctx, at.Key())
	if err != nil || !e.Exists() {
		return false, err
	}
	var q config.Queue
	if err := json.Unmarshal(e.Value, &q); err != nil {
		return true, nil // whatever it is, it may be that queue
	}
	return q.Incarnation == incarnation, nil
}
