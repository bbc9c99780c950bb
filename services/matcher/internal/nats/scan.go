package nats

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
)

const (
	// scanBatch is how many messages are asked for at once.
	scanBatch = 500
	// scanWait bounds one asking; scanInactive is when the server removes the
	// consumer of a reader that died.
	scanWait     = 2 * time.Second
	scanInactive = 30 * time.Second
	// scanTries is how often in a row a replica is asked that has nothing.
	scanTries = 5
)

// errBehind says that the replica that answered lacks the end of the range.
var errBehind = errors.New("the replica that answered is behind")

// scan reads a part of a stream: the messages of one fence from where from
// says to a sequence.
type scan struct {
	js    jetstream.JetStream
	of    fence.Fence
	from  jetstream.ConsumerConfig
	until uint64
	// reach is how far the messages must be seen: a replica that is behind is
	// asked until it has them, since what is missed here would be delivered
	// twice or never.
	reach uint64
}

// run visits the messages in order and fails with what visit fails with. The
// newest message of the fence is asked of the leader.
func (s scan) run(ctx context.Context, visit func(*cursor.Message) error) error {
	newest, err := fence.Read(ctx, s.js, s.of)
	if err != nil || newest.Seq == 0 {
		return err
	}
	s.reach = min(s.until, newest.Seq)
	if s.from.OptStartSeq > s.reach {
		return nil
	}
	cfg := s.from
	cfg.FilterSubject, cfg.AckPolicy = s.of.Filter, jetstream.AckNonePolicy
	cfg.MemoryStorage, cfg.Replicas, cfg.InactiveThreshold = true, 1, scanInactive
	consumer, err := s.js.CreateConsumer(ctx, s.of.Stream, cfg)
	if err != nil {
		return s.fail(err)
	}
	defer s.remove(ctx, consumer)
	return s.read(ctx, consumer, visit)
}

func (s scan) fail(err error) error { return fault.New(fault.Unavailable, "read", s.of.Stream, err) }

func (s scan) read(ctx context.Context, consumer jetstream.Consumer, visit func(*cursor.Message) error) error {
	pending := consumer.CachedInfo().NumPending
	for tries := scanTries; tries > 0; tries-- {
		batch, err := consumer.Fetch(int(min(max(pending, 1), scanBatch)), jetstream.FetchMaxWait(scanWait))
		if err != nil {
			return s.fail(err)
		}
		got, err := s.visit(batch, visit)
		if err != nil || got.last >= s.reach {
			return err
		}
		if pending = got.pending; got.last > 0 {
			tries = scanTries
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return s.fail(errBehind)
}

// got is what a batch brought: the last sequence, 0 for none, and how many
// messages are to follow.
type got struct{ last, pending uint64 }

// visit visits the messages of a batch that lie in the range. It takes all of
// them, even when it fails: the batch ends only when nothing is left in it.
func (s scan) visit(batch jetstream.MessageBatch, visit func(*cursor.Message) error) (g got, failed error) {
	for msg := range batch.Messages() {
		meta, err := msg.Metadata()
		if err != nil {
			failed = s.fail(err)
			continue
		}
		g = got{meta.Sequence.Stream, meta.NumPending}
		if failed != nil || g.last > s.until {
			continue
		}
		failed = visit(&cursor.Message{
			Subject: msg.Subject(), Header: msg.Headers(), Data: msg.Data(), Seq: g.last, Time: meta.Timestamp,
		})
	}
	return g, failed
}

func (s scan) remove(ctx context.Context, consumer jetstream.Consumer) {
	// The server removes it by itself when this fails.
	_ = s.js.DeleteConsumer(ctx, s.of.Stream, consumer.CachedInfo().Name)
}
