// Package eventlog reads accepted events by their sequence in EVENTS: each
// once, however many deliveries share it, and neighbours together, since
// deliveries come in bursts. It refuses to follow the stream.
package eventlog

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// ErrExpired says that an event is no longer in the log: retention removed it.
var ErrExpired = errors.New("the event is no longer in the log")

const (
	// fetchers bounds the requests under way at once.
	fetchers = 2
	// fetchTimeout bounds one request.
	fetchTimeout = 5 * time.Second
	// generation is the size, in bytes as they are counted, at which the cache
	// begins a new generation; it holds two. It is so large that what all
	// partitions hand out at once is kept until it is delivered, where events are
	// small.
	generation = 16 << 20
	// decoded is how much more an event takes than its bytes as stored: one of
	// 200 takes 1.3 KiB, most of it what the collector has to follow.
	decoded = 1 << 10
)

// Reader reads events. It may be used by many goroutines.
type Reader struct {
	js   jetstream.JetStream
	work sync.WaitGroup

	mu         sync.Mutex
	young, old map[uint64]*entry
	bytes      int // of young
	pending    []*entry
	fetching   int
	stream     jetstream.Stream
}

// entry is an event that was asked for. What follows done is written before
// done is closed.
type entry struct {
	seq   uint64
	done  chan struct{}
	event *event.Event
	err   error
}

// New returns a reader. It makes no request.
func New(js jetstream.JetStream) *Reader {
	return &Reader{js: js, young: map[uint64]*entry{}, old: map[uint64]*entry{}}
}

// Want asks for an event that will be read soon, so that it is fetched
// together with others.
func (r *Reader) Want(ctx context.Context, seq uint64) { r.ask(ctx, seq) }

// Get returns an event. It is shared: nobody may change it. The error is
// [ErrExpired] or of kind Unavailable.
func (r *Reader) Get(ctx context.Context, seq uint64) (*event.Event, error) {
	e := r.ask(ctx, seq)
	select {
	case <-e.done:
		return e.event, e.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "read event", "", ctx.Err())
	}
}

// One returns an event, and when it was stored by the server's clock, with a
// request of its own. The error is that of [Reader.Get].
func One(ctx context.Context, js jetstream.JetStream, seq uint64) (*event.Event, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	msg, err := New(js).single(ctx, seq)
	if err != nil {
		return nil, time.Time{}, err
	}
	e, err := event.Decode(msg.Data)
	return e, msg.Time, err
}

// Close waits for the requests under way. Nobody may ask any more.
func (r *Reader) Close() { r.work.Wait() }

// ask returns the entry of a sequence, and has it fetched if it is new.
func (r *Reader) ask(ctx context.Context, seq uint64) *entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.young[seq]; ok {
		return e
	}
	if e, ok := r.old[seq]; ok {
		r.young[seq] = e
		return e
	}
	e := &entry{seq: seq, done: make(chan struct{})}
	r.young[seq] = e
	r.pending = append(r.pending, e)
	if r.fetching < fetchers {
		r.fetching++
		// Others wait for this too, whatever becomes of the caller.
		ctx = context.WithoutCancel(ctx)
		r.work.Go(func() { r.drain(ctx) })
	}
	return e
}

// drain fetches until nothing is pending.
func (r *Reader) drain(ctx context.Context) {
	for {
		r.mu.Lock()
		group := r.pending
		r.pending = nil
		if len(group) == 0 {
			r.fetching--
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		r.fetch(ctx, group)
	}
}

// finish hands an entry its event, or its failure, which is not kept.
func (r *Reader) finish(e *entry, data []byte, err error) {
	if err == nil {
		e.event, err = event.Decode(data)
	}
	e.err = err
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(e.done) // whoever hears of a failure finds that it is not kept
	if err != nil {
		if r.young[e.seq] == e {
			delete(r.young, e.seq)
		}
		if r.old[e.seq] == e {
			delete(r.old, e.seq)
		}
		return
	}
	r.grow(len(data))
}

// keep takes in an event that nobody has asked for, which lay between two that
// somebody did: what is read together is delivered together, to others. One that
// was asked for meanwhile is left to whoever fetches it.
func (r *Reader) keep(seq uint64, data []byte) {
	e := &entry{seq: seq, done: make(chan struct{})}
	if e.event, e.err = event.Decode(data); e.err != nil {
		return // told to whoever asks
	}
	close(e.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young[seq] == nil && r.old[seq] == nil {
		r.young[seq] = e
		r.grow(len(data))
	}
}

// grow counts an event of n bytes that the young generation holds. The mutex is
// held.
func (r *Reader) grow(n int) {
	if r.bytes += n + decoded; r.bytes > generation {
		r.old, r.young, r.bytes = r.young, map[uint64]*entry{}, 0
	}
}
