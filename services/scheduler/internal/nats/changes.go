package nats

import (
	"context"
	"errors"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology"
)

var errAway = errors.New("the server was away")

// Changes tells which keys of a bucket were written.
type Changes struct {
	js   jetstream.JetStream
	name string
}

// NewChanges returns the changes of a bucket. It makes no request.
func NewChanges(js jetstream.JetStream, bucket string) *Changes {
	return &Changes{js: js, name: bucket}
}

// Since returns the keys that were written or deleted behind a revision, and
// the revision up to which that is so.
func (c *Changes) Since(ctx context.Context, revision uint64) (keys []string, upTo uint64, err error) {
	upTo = revision
	stretch := scan.Stretch{
		Stream: topology.BucketStream(c.name), Filters: []string{topology.BucketKey(c.name, ">")}, After: revision,
	}
	head := topology.BucketKey(c.name, "")
	err = scan.Read(ctx, c.js, stretch, func(m *cursor.Message) error {
		keys, upTo = append(keys, strings.TrimPrefix(m.Subject, head)), m.Seq
		return nil
	})
	return keys, upTo, err
}

// Follow calls changed once it follows, since nobody told of what was written
// before, and after every write until ctx ends. It ends with an error where
// writes may have been missed, which is whenever the connection was lost.
func (c *Changes) Follow(ctx context.Context, changed func()) error {
	conn := c.js.Conn()
	connected := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(connected)
	watching, end := context.WithCancel(ctx) // the client keeps a watch for as long as its context
	defer end()
	kv, err := c.js.KeyValue(watching, c.name)
	if err != nil {
		return fault.New(fault.Unavailable, "watch", c.name, err)
	}
	w, err := kv.WatchAll(watching, jetstream.UpdatesOnly(), jetstream.MetaOnly())
	if err != nil {
		return fault.New(fault.Unavailable, "watch", c.name, err)
	}
	defer func() { _ = w.Stop() }() // nothing to do about a failure: the consumer times out by itself
	changed()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-connected:
			return fault.New(fault.Unavailable, "watch", c.name, errAway)
		case _, ok := <-w.Updates():
			switch {
			case ok:
				changed()
			case ctx.Err() == nil:
				return fault.New(fault.Unavailable, "watch", c.name, nil)
			default:
				return nil
			}
		}
	}
}
