// Package watch follows a bucket: all values there are, then every change, also
// over a loss of the connection, with what went meanwhile. It refuses to
// remember values.
package watch

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Change is the newest value of a key.
type Change struct {
	Key string
	// Value is nil for a key that does not exist any more.
	Value []byte
	// Revision is 0 for a key that went unseen.
	Revision uint64
}

// Follower follows one bucket.
type Follower struct {
	JetStream jetstream.JetStream
	Bucket    string
	Logger    zerolog.Logger
	// Take is called for every change, by one goroutine.
	Take func(Change)
	// Loaded is called once, when the first values are all there.
	Loaded func()

	// known holds the revisions of the keys that exist, so that a new watch
	// tells what changed and what went while none ran. It is nil before the
	// first values are all there.
	known map[string]uint64
}

// retryAfter is the pause before a watch that could not be made is tried again.
const retryAfter = 500 * time.Millisecond

// errReconnected ends a watch after the connection was lost. The server may
// have forgotten the watch's consumer, and the client would notice by missing
// heartbeats only: measured, 20 s after a restart.
var errReconnected = errors.New("reconnected to the server")

// Run watches until ctx ends, anew whenever a watch ends by itself.
func (f *Follower) Run(ctx context.Context) {
	conn := f.JetStream.Conn()
	connected := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(connected)
	for ctx.Err() == nil {
		err := f.watch(ctx, connected)
		if ctx.Err() != nil {
			return
		}
		f.Logger.Warn().Err(err).Str("bucket", f.Bucket).Msg("watch ended; made again")
		if !errors.Is(err, errReconnected) {
			pause(ctx)
		}
	}
}

func pause(ctx context.Context) {
	t := time.NewTimer(retryAfter)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (f *Follower) watch(ctx context.Context, connected <-chan nats.Status) error {
	kv, err := f.JetStream.KeyValue(ctx, f.Bucket)
	if err != nil {
		return err
	}
	w, err := kv.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }() // nothing to do about a failure: the consumer times out by itself
	seen := map[string]uint64{}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-connected:
			return errReconnected
		case e, ok := <-w.Updates():
			if !ok {
				return jetstream.ErrConsumerDeleted
			}
			if e == nil {
				f.complete(seen)
				seen = f.known
				continue
			}
			f.take(e, seen)
		}
	}
}

func (f *Follower) take(e jetstream.KeyValueEntry, seen map[string]uint64) {
	before := f.known[e.Key()]
	delete(seen, e.Key())
	var value []byte
	if e.Operation() == jetstream.KeyValuePut {
		value, seen[e.Key()] = e.Value(), e.Revision()
	}
	if value != nil && before == e.Revision() {
		return // a new watch repeats what is known
	}
	f.Take(Change{Key: e.Key(), Value: value, Revision: e.Revision()})
}

// complete ends a loading: what was known and was not seen again is gone.
func (f *Follower) complete(seen map[string]uint64) {
	for key := range f.known {
		if _, ok := seen[key]; !ok {
			f.Take(Change{Key: key})
		}
	}
	first := f.known == nil
	if f.known = seen; first {
		f.Loaded()
	}
}
