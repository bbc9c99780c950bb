package cursor

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/topology"
)

// mark is the checkpoint of a cursor, as it is stored.
type mark struct {
	// Epoch is that of the holder that stored it.
	Epoch uint64 `json:"epoch"`
	place
	// Lanes are the places of the keys that lag.
	Lanes map[string]place `json:"lanes,omitempty"`
	// Rates are how many messages a second come all the time of the keys of
	// which much does: who has known that is not to learn it anew.
	Rates map[string]float64 `json:"rates,omitempty"`
	// Fence is the sequence of the newest output at that time. Newer outputs
	// know better than this mark; if there are none, this mark does.
	Fence uint64 `json:"fence,omitempty"`
	// State is the handler's.
	State json.RawMessage `json:"state,omitempty"`
	// Holder and At are for people.
	Holder string    `json:"holder,omitempty"`
	At     time.Time `json:"at"`
}

// shelf is the place of one cursor's mark in the bucket checkpoints.
type shelf struct {
	js   jetstream.JetStream
	name string
}

func (b shelf) key() string { return topology.BucketKey(topology.Checkpoints, b.name) }

// load returns the mark and its revision, both zero when there is none. It
// asks the leader, so that a new holder does not lose against itself.
func (b shelf) load(ctx context.Context) (mark, uint64, error) {
	m, err := leader.Last(ctx, b.js, topology.BucketStream(topology.Checkpoints), b.key())
	if err != nil {
		return mark{}, 0, fault.New(fault.Unavailable, "read checkpoint", b.name, err)
	}
	if len(m.Data) == 0 {
		return mark{}, m.Seq, nil
	}
	var v mark
	if err := json.Unmarshal(m.Data, &v); err != nil {
		return mark{}, 0, fault.New(fault.Internal, "decode checkpoint", b.name, err)
	}
	return v, m.Seq, nil
}

// claim stores the first mark of an epoch over that of another, and returns its
// revision. Of two who claim the same epoch one is refused; an unclear answer
// is an error too, since the other's mark would look the same.
func (b shelf) claim(ctx context.Context, v mark, revision uint64) (uint64, error) {
	now, err := b.put(ctx, v, revision)
	if batch.Judge(err) == batch.Moved {
		return 0, fault.New(fault.Conflict, "claim epoch", b.name, ErrStale)
	}
	if err != nil {
		return 0, fault.New(fault.Unavailable, "claim epoch", b.name, err)
	}
	return now, nil
}

// store replaces the epoch's own mark of that revision and returns the new
// revision.
func (b shelf) store(ctx context.Context, v mark, revision uint64) (uint64, error) {
	now, err := b.put(ctx, v, revision)
	switch {
	case err == nil:
		return now, nil
	case batch.Judge(err) == batch.Moved:
		return b.adopt(ctx, v, revision)
	default:
		return 0, fault.New(fault.Unavailable, "store checkpoint", b.name, err)
	}
}

// put publishes the mark if the newest is of that revision.
func (b shelf) put(ctx context.Context, v mark, revision uint64) (uint64, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return 0, err
	}
	ctx, cancel := api.Bound(ctx, b.js)
	defer cancel()
	msg := nats.NewMsg(b.key())
	msg.Data = data
	ack, err := b.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(revision))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// adopt deals with a mark that moved: by an earlier try of the same epoch
// whose answer was lost, then it is ours to replace; else we are stale.
func (b shelf) adopt(ctx context.Context, v mark, revision uint64) (uint64, error) {
	stored, now, err := b.load(ctx)
	if err != nil {
		return 0, err
	}
	if stored.Epoch != v.Epoch || now == revision {
		return 0, fault.New(fault.Conflict, "store checkpoint", b.name, ErrStale)
	}
	return b.store(ctx, v, now)
}
