package directory

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/setup"
)

// retryAfter is the pause before a watch that could not be made is tried again.
const retryAfter = 500 * time.Millisecond

// follower keeps one bucket in the directory.
type follower struct {
	directory *Directory
	bucket    string
	// loaded takes one receipt when the first values are all there.
	loaded chan<- struct{}
	// known holds the revisions of the keys that exist, so that a new watch
	// tells what changed and what went while none ran. It is nil before the
	// first values are all there.
	known map[string]uint64
}

// errReconnected ends a watch after the connection was lost. The server may
// have forgotten the watch's consumer, and the client would notice by missing
// heartbeats only: measured, 20 s after a restart.
var errReconnected = errors.New("reconnected to the server")

// run watches until ctx ends, anew whenever a watch ends by itself.
func (f *follower) run(ctx context.Context) {
	conn := f.directory.settings.JetStream.Conn()
	connected := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(connected)
	for ctx.Err() == nil {
		err := f.watch(ctx, connected)
		if ctx.Err() != nil {
			return
		}
		f.directory.settings.Logger.Warn().Err(err).Str("bucket", f.bucket).Msg("watch ended; made again")
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

func (f *follower) watch(ctx context.Context, connected <-chan nats.Status) error {
	kv, err := f.directory.settings.JetStream.KeyValue(ctx, f.bucket)
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

func (f *follower) take(e jetstream.KeyValueEntry, seen map[string]uint64) {
	before := f.known[e.Key()]
	delete(seen, e.Key())
	var value []byte
	if e.Operation() == jetstream.KeyValuePut {
		value, seen[e.Key()] = e.Value(), e.Revision()
	}
	if value != nil && before == e.Revision() {
		return // a new watch repeats what is known
	}
	owner, id := setup.Split(e.Key())
	f.directory.apply(change{bucket: f.bucket, owner: owner, id: id, value: value, revision: e.Revision()})
}

// complete ends a loading: what was known and was not seen again is gone.
func (f *follower) complete(seen map[string]uint64) {
	for key := range f.known {
		if _, ok := seen[key]; !ok {
			owner, id := setup.Split(key)
			f.directory.apply(change{bucket: f.bucket, owner: owner, id: id})
		}
	}
	first := f.known == nil
	if f.known = seen; first {
		f.loaded <- struct{}{}
	}
}
