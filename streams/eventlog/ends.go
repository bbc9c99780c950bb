package eventlog

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/topology"
)

// Ends are the sequences of the first and the last event of the log, and of the
// newest one of some subjects, 0 where there is none.
type Ends struct{ First, Last, Newest uint64 }

// FindEnds looks the ends up. The newest event of the filters is looked up at
// the leader, after the last of all. The error is of kind Unavailable.
func FindEnds(ctx context.Context, js jetstream.JetStream, filters []string) (Ends, error) {
	asking, cancel := api.Bound(ctx, js)
	defer cancel()
	stream, err := js.Stream(asking, topology.Events)
	if err != nil {
		return Ends{}, fault.New(fault.Unavailable, "read stream", topology.Events, err)
	}
	state := stream.CachedInfo().State
	out := Ends{First: state.FirstSeq, Last: state.LastSeq}
	for _, f := range filters {
		m, err := leader.Last(ctx, js, topology.Events, f)
		if err != nil {
			return Ends{}, fault.New(fault.Unavailable, "read newest", f, err)
		}
		out.Newest = max(out.Newest, m.Seq)
	}
	return out, nil
}
