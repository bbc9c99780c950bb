// Package scan reads a stretch of a stream once, from beginning to end, and is
// sure that nothing is missing: replicas may be behind, so the leader says how
// far there is something to read. It refuses to wait for what is not stored
// yet; see cursor.
package scan

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/leader"
)

const (
	// batchSize is how many messages are asked for at once.
	batchSize = 500
	// wait bounds one asking; inactive is when the server removes the
	// consumer of a reader that died.
	wait     = 2 * time.Second
	inactive = 30 * time.Second
	// tries is how often in a row a replica is asked that has nothing.
	tries = 5
)

// errBehind says that the replica that answered lacks the end of the stretch.
var errBehind = errors.New("the replica that answered is behind")

// Stretch is a part of a stream.
type Stretch struct {
	Stream string
	// Filters are subjects with wildcards that do not overlap.
	Filters []string
	// After is the sequence before the first message. Since, when it is set,
	// is the moment of the first one instead.
	After uint64
	Since time.Time
	// Until is the last sequence; 0 means all that is stored now.
	Until uint64
}

// Read visits the messages of a stretch in order and fails with what visit
// fails with.
func Read(ctx context.Context, js jetstream.JetStream, s Stretch, visit func(*cursor.Message) error) error {
	r := reading{js: js, stretch: s, visit: visit}
	if err := r.look(ctx); err != nil || r.reach <= s.After {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, s.Stream, s.config())
	if err != nil {
		return r.fail(err)
	}
	defer r.remove(ctx, consumer)
	return r.run(ctx, consumer)
}

func (s Stretch) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		FilterSubjects: s.Filters, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: inactive,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.After + 1,
	}
	if len(s.Filters) == 1 {
		c.FilterSubject, c.FilterSubjects = s.Filters[0], nil
	}
	if !s.Since.IsZero() {
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &s.Since
	}
	return c
}

// reading is one reading of a stretch.
type reading struct {
	js      jetstream.JetStream
	stretch Stretch
	visit   func(*cursor.Message) error
	// reach is the sequence that must be seen, or passed, for the reading to
	// be complete.
	reach uint64
}

func (r *reading) fail(err error) error {
	return fault.New(fault.Unavailable, "read", r.stretch.Stream, err)
}

// look asks the leader for the newest message of every filter. When the
// stretch ends before one of them, its end is passed on the way there.
func (r *reading) look(ctx context.Context) error {
	for _, f := range r.stretch.Filters {
		m, err := leader.Last(ctx, r.js, r.stretch.Stream, f)
		if err != nil {
			return r.fail(err)
		}
		if !r.stretch.Since.IsZero() && m.Time.Before(r.stretch.Since) {
			continue
		}
		r.reach = max(r.reach, m.Seq)
	}
	if r.stretch.Until != 0 {
		r.reach = min(r.reach, r.stretch.Until)
	}
	return nil
}

func (r *reading) run(ctx context.Context, consumer jetstream.Consumer) error {
	pending := consumer.CachedInfo().NumPending
	for left := tries; left > 0; left-- {
		batch, err := consumer.Fetch(int(min(max(pending, 1), batchSize)), jetstream.FetchMaxWait(wait))
		if err != nil {
			return r.fail(err)
		}
		got, err := r.take(batch)
		if err != nil || got.last >= r.reach {
			return err
		}
		if pending = got.pending; got.last > 0 {
			left = tries
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return r.fail(errBehind)
}

// got is what a batch brought: the last sequence, 0 for none, and how many
// messages are to follow.
type got struct{ last, pending uint64 }

// take visits the messages of a batch that lie in the stretch. It takes all of
// them, even when it fails: the batch ends only when nothing is left in it.
func (r *reading) take(batch jetstream.MessageBatch) (g got, failed error) {
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			failed = r.fail(err)
			continue
		}
		g = got{meta.Sequence.Stream, meta.NumPending}
		if failed != nil || r.stretch.Until != 0 && g.last > r.stretch.Until {
			continue
		}
		failed = r.visit(&cursor.Message{
			Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(), Seq: g.last, Time: meta.Timestamp,
		})
	}
	return g, failed
}

func (r *reading) remove(ctx context.Context, consumer jetstream.Consumer) {
	// The server removes it by itself when this fails.
	_ = r.js.DeleteConsumer(ctx, r.stretch.Stream, consumer.CachedInfo().Name)
}
