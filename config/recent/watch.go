package recent

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/shared/fault"
)

// retryAfter is the pause before a watch that could not be made is tried again.
const retryAfter = 500 * time.Millisecond

// watch begins a watch that lives as long as life; ctx bounds its beginning.
func (t *Table[T]) watch(ctx, life context.Context) (jetstream.KeyWatcher, error) {
	kv, err := t.settings.JetStream.KeyValue(ctx, t.settings.Bucket)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "watch", t.settings.Bucket, err)
	}
	w, err := kv.WatchAll(life, jetstream.UpdatesOnly())
	if err != nil {
		return nil, fault.New(fault.Unavailable, "watch", t.settings.Bucket, err)
	}
	return w, nil
}

// follow takes changes in until ctx ends. After the connection was lost,
// changes may have been missed: a new watch is made, and then all is forgotten.
func (t *Table[T]) follow(ctx context.Context, w jetstream.KeyWatcher) {
	conn := t.settings.JetStream.Conn()
	connected := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(connected)
	for {
		err := t.drain(ctx, w, connected)
		_ = w.Stop() // nothing to do about a failure: the consumer times out by itself
		if ctx.Err() != nil {
			return
		}
		t.settings.Logger.Warn().Err(err).Str("bucket", t.settings.Bucket).Msg("watch ended; made again")
		if w = t.rewatch(ctx); w == nil {
			return
		}
		t.clear()
	}
}

// rewatch returns nil when ctx ends.
func (t *Table[T]) rewatch(ctx context.Context) jetstream.KeyWatcher {
	for {
		w, err := t.watch(ctx, ctx)
		if err == nil {
			return w
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryAfter):
		}
	}
}

var errEnded = errors.New("the watch ended by itself or the server was away")

func (t *Table[T]) drain(ctx context.Context, w jetstream.KeyWatcher, connected <-chan nats.Status) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-connected:
			return errEnded
		case e, ok := <-w.Updates():
			if !ok {
				return errEnded
			}
			if e != nil {
				t.take(e)
			}
		}
	}
}

// take brings a remembered key up to date; others are not of interest.
func (t *Table[T]) take(e jetstream.KeyValueEntry) {
	t.lock.Lock()
	defer t.lock.Unlock()
	element, ok := t.slots[e.Key()]
	if !ok {
		return
	}
	s := element.Value.(*slot[T])
	if e.Revision() <= s.revision {
		return
	}
	entry := bucket.Entry{Key: e.Key(), Revision: e.Revision()}
	if e.Operation() == jetstream.KeyValuePut {
		entry.Value = append([]byte{}, e.Value()...)
	}
	t.fill(s, entry)
	if s.read = t.settings.Now(); s.err != nil {
		t.drop(element)
	}
}

func (t *Table[T]) clear() {
	t.lock.Lock()
	defer t.lock.Unlock()
	clear(t.slots)
	t.order.Init()
}
