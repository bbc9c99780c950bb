package queue

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

// stored is a state as it is kept, at a revision, 0 where nothing ever was, and
// since a moment.
type stored struct {
	*handout.State
	revision uint64
	since    time.Time
}

// load reads a state from the leader; a new one begins behind start.
func load(ctx context.Context, js jetstream.JetStream, key string, start uint64) (stored, error) {
	m, err := leader.Last(ctx, js, topology.BucketStream(bucket), topology.BucketKey(bucket, key))
	if err != nil {
		return stored{}, fault.New(fault.Unavailable, "read state", key, err)
	}
	if len(m.Data) == 0 { // never written, or deleted
		return stored{&handout.State{Head: start}, m.Seq, m.Time}, nil
	}
	s, err := handout.Decode(m.Data)
	if err != nil {
		return stored{}, fault.New(fault.Internal, "read state", key, err)
	}
	return stored{s, m.Seq, m.Time}, nil
}

// save writes a state where nobody wrote since the revision. The error is of kind
// Conflict where somebody did. After one of kind Unavailable it may be written.
func save(ctx context.Context, js jetstream.JetStream, key string, s stored) (uint64, error) {
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	msg := &nats.Msg{Subject: topology.BucketKey(bucket, key), Data: s.Encode()}
	ack, err := js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(s.revision))
	switch {
	case err == nil:
		return ack.Sequence, nil
	case api.Overtaken(err):
		return 0, fault.New(fault.Conflict, "write state", key, err)
	}
	return 0, fault.New(fault.Unavailable, "write state", key, err)
}
