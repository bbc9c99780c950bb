package topology

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
)

// parallel bounds the requests under way at once.
const parallel = 16

// making bounds one request. A busy cluster that elects leaders for many streams
// at once takes longer than the five seconds that the client gives a request.
const making = 30 * time.Second

// Ensure creates every stream, bucket and durable consumer that lacks, in
// parallel, and leaves alone what exists, whatever its configuration: ask
// [Drift] for that. It returns [ErrPartitions] when streams exist that were
// made with another number of partitions. Several instances may ensure at
// once.
func Ensure(ctx context.Context, js jetstream.JetStream, s Settings) error {
	if problems := s.Check(); len(problems) > 0 {
		return problems
	}
	if err := checkPartitions(ctx, js, s); err != nil {
		return err
	}
	streams := append(Streams(s), Buckets(s)...)
	if err := each(streams, func(c jetstream.StreamConfig) error { return ensureStream(ctx, js, c) }); err != nil {
		return err
	}
	return each(Durables(s), func(d Durable) error { return ensureDurable(ctx, js, d) })
}

// Partitions returns the number of partitions that the streams were made
// with. The error is NotFound when there are none yet.
func Partitions(ctx context.Context, js jetstream.JetStream) (int, error) {
	const op = "read partitions"
	str, err := js.Stream(ctx, Events)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return 0, fault.New(fault.NotFound, op, Events, err)
	}
	if err != nil {
		return 0, fault.New(fault.Unavailable, op, Events, err)
	}
	text := str.CachedInfo().Config.Metadata[metaPartitions]
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fault.New(fault.Invalid, op, Events, fmt.Errorf("metadata %s is %q", metaPartitions, text))
	}
	return n, nil
}

// RestoreLeases makes the bucket of leases again. It lies in memory, and a
// server that is no cluster forgets it when it restarts.
func RestoreLeases(ctx context.Context, js jetstream.JetStream) error {
	// The copies are as many as those of the checkpoints.
	str, err := js.Stream(ctx, BucketStream(Checkpoints))
	if err != nil {
		return fault.New(fault.Unavailable, "read stream", BucketStream(Checkpoints), err)
	}
	return ensureStream(ctx, js, leases(Settings{Replicas: str.CachedInfo().Config.Replicas}))
}

func checkPartitions(ctx context.Context, js jetstream.JetStream, s Settings) error {
	n, err := Partitions(ctx, js)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if n != s.Partitions {
		return fault.New(fault.Invalid, "check partitions", Events, fmt.Errorf("%w: %d, settings say %d", ErrPartitions, n, s.Partitions))
	}
	return nil
}

// ensureStream creates the stream. The server answers success for an equal
// one and a name-in-use error for one that differs.
func ensureStream(ctx context.Context, js jetstream.JetStream, c jetstream.StreamConfig) error {
	ctx, cancel := context.WithTimeout(ctx, making)
	defer cancel()
	_, err := js.CreateStream(ctx, c)
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return nil
	}
	return fault.New(fault.Unavailable, "create stream", c.Name, err)
}

// ensureDurable creates the consumer, as [ensureStream] does the stream.
func ensureDurable(ctx context.Context, js jetstream.JetStream, d Durable) error {
	ctx, cancel := context.WithTimeout(ctx, making)
	defer cancel()
	_, err := js.CreateConsumer(ctx, d.Stream, d.Config)
	if err == nil || errors.Is(err, jetstream.ErrConsumerExists) {
		return nil
	}
	return fault.New(fault.Unavailable, "create consumer", d.Stream+" "+d.Config.Durable, err)
}

// each runs work for all items, some at a time, waits for all of them and
// returns all errors.
func each[T any](items []T, work func(T) error) error {
	errs := make([]error, len(items))
	slots := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i, item := range items {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = work(item)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
