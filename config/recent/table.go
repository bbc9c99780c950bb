// Package recent remembers values of a bucket that is too large to be watched
// whole: those asked for lately, read by key and kept fresh by a watch on
// changes only. That a key does not exist is remembered too. It refuses to
// write.
package recent

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/bucket"
)

// Settings says what a table remembers.
type Settings struct {
	JetStream jetstream.JetStream
	Bucket    string
	// Size is the greatest number of keys.
	Size int
	// MaxAge bounds how long a value is believed without a new reading, even
	// if the watch said nothing.
	MaxAge time.Duration
	Now    func() time.Time
	Logger zerolog.Logger
}

// Table is the memory of one bucket. It may be used by many goroutines.
type Table[T any] struct {
	settings Settings
	bucket   *bucket.Bucket
	decode   func(key string, value []byte) (T, error)

	lock  sync.Mutex
	slots map[string]*list.Element // of *slot[T]
	order *list.List               // least lately asked for last

	stop context.CancelFunc
	done sync.WaitGroup
}

// slot is what is remembered of a key.
type slot[T any] struct {
	key      string
	revision uint64
	value    T
	found    bool
	read     time.Time
	err      error
	// ready is closed when the first reading is over; until then nothing but
	// the revision counts.
	ready chan struct{}
}

// Open returns a table that watches its bucket. ctx bounds the beginning of
// the watch; [Table.Close] ends it.
func Open[T any](ctx context.Context, s Settings, decode func(key string, value []byte) (T, error)) (*Table[T], error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	t := &Table[T]{
		settings: s, bucket: bucket.Open(s.JetStream, s.Bucket), decode: decode,
		slots: map[string]*list.Element{}, order: list.New(), stop: stop,
	}
	w, err := t.watch(ctx, life)
	if err != nil {
		stop()
		return nil, err
	}
	t.done.Go(func() { t.follow(life, w) })
	return t, nil
}

// Close ends the watch and waits for its goroutine.
func (t *Table[T]) Close() {
	t.stop()
	t.done.Wait()
}

// Get returns the value of a key, and false when there is none.
func (t *Table[T]) Get(ctx context.Context, key string) (T, bool, error) {
	for {
		s, mine := t.slot(key)
		if mine {
			t.read(ctx, s)
		}
		value, found, err := t.await(ctx, s)
		// Another caller's reading may have ended with that caller.
		if mine || ctx.Err() != nil || !errors.Is(err, context.Canceled) {
			return value, found, err
		}
	}
}

func (t *Table[T]) await(ctx context.Context, s *slot[T]) (T, bool, error) {
	select {
	case <-s.ready:
	case <-ctx.Done():
		var zero T
		return zero, false, ctx.Err()
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	return s.value, s.found, s.err
}

// slot returns the slot of a key, and whether the caller must read it.
func (t *Table[T]) slot(key string) (s *slot[T], mine bool) {
	t.lock.Lock()
	defer t.lock.Unlock()
	if e, ok := t.slots[key]; ok {
		s := e.Value.(*slot[T])
		if s.reading() || t.settings.Now().Sub(s.read) < t.settings.MaxAge {
			t.order.MoveToFront(e)
			return s, false
		}
		t.drop(e)
	}
	s = &slot[T]{key: key, ready: make(chan struct{})}
	t.slots[key] = t.order.PushFront(s)
	if t.order.Len() > t.settings.Size {
		t.drop(t.order.Back())
	}
	return s, true
}

func (t *Table[T]) drop(e *list.Element) {
	t.order.Remove(e)
	delete(t.slots, e.Value.(*slot[T]).key)
}

func (s *slot[T]) reading() bool {
	select {
	case <-s.ready:
		return false
	default:
		return true
	}
}

// read fills a slot. A failure is for those who wait now and is not
// remembered.
func (t *Table[T]) read(ctx context.Context, s *slot[T]) {
	began := t.settings.Now()
	e, err := t.bucket.Get(ctx, s.key)
	t.lock.Lock()
	defer t.lock.Unlock()
	if err == nil && (e.Revision > s.revision || s.revision == 0) {
		t.fill(s, e)
	}
	if s.err == nil {
		s.err = err
	}
	if err != nil || s.err != nil {
		t.forget(s)
	}
	s.read = began
	close(s.ready)
}

func (t *Table[T]) fill(s *slot[T], e bucket.Entry) {
	var zero T
	s.revision, s.found, s.value, s.err = e.Revision, e.Exists(), zero, nil
	if s.found {
		s.value, s.err = t.decode(e.Key, e.Value)
	}
}

func (t *Table[T]) forget(s *slot[T]) {
	if e, ok := t.slots[s.key]; ok && e.Value == any(s) {
		t.drop(e)
	}
}
