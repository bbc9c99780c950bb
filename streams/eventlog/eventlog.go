// Package eventlog reads single events of EVENTS by their sequence: deliveries
// hold references only. What was read lately is kept, decoded, because an
// event usually goes to several subscriptions at once. It refuses to read in
// order; see cursor.
package eventlog

import (
	"container/list"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// timeout bounds one reading.
const timeout = 5 * time.Second

// Log reads events. It may be used by many goroutines.
type Log struct {
	js   jetstream.JetStream
	most int

	mu      sync.Mutex
	stream  jetstream.Stream
	reading map[uint64]*reading
	kept    map[uint64]*list.Element
	order   *list.List // of *keeping, the most recently used first
	size    int
}

// reading is a read under way; its result may be used once done is closed.
type reading struct {
	done  chan struct{}
	event *event.Event
	err   error
}

type keeping struct {
	seq   uint64
	event *event.Event
	size  int
}

// New returns a log that keeps events of up to most bytes, as stored.
func New(js jetstream.JetStream, most int) *Log {
	return &Log{
		js: js, most: most, order: list.New(),
		reading: map[uint64]*reading{}, kept: map[uint64]*list.Element{},
	}
}

// Event returns the event of a sequence. It is shared: nobody may change it.
// Errors are of kind NotFound when retention has removed the event, Invalid
// when it cannot be decoded, else Unavailable.
func (l *Log) Event(ctx context.Context, seq uint64) (*event.Event, error) {
	l.mu.Lock()
	if e, ok := l.kept[seq]; ok {
		l.order.MoveToFront(e)
		l.mu.Unlock()
		return e.Value.(*keeping).event, nil
	}
	r, ok := l.reading[seq]
	if !ok {
		r = &reading{done: make(chan struct{})}
		l.reading[seq] = r
	}
	l.mu.Unlock()
	if !ok {
		// The others who wait must not depend on the context of the first.
		l.read(context.WithoutCancel(ctx), seq, r)
	}
	select {
	case <-r.done:
		return r.event, r.err
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "read event", strconv.FormatUint(seq, 10), ctx.Err())
	}
}

func (l *Log) read(ctx context.Context, seq uint64, r *reading) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var size int
	r.event, size, r.err = l.fetch(ctx, seq)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.reading, seq)
	if r.err == nil {
		l.keep(&keeping{seq, r.event, size})
	}
	close(r.done)
}

func (l *Log) fetch(ctx context.Context, seq uint64) (*event.Event, int, error) {
	const op = "read event"
	name := strconv.FormatUint(seq, 10)
	s, err := l.events(ctx)
	if err != nil {
		return nil, 0, fault.New(fault.Unavailable, op, name, err)
	}
	msg, err := s.GetMsg(ctx, seq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, fault.New(fault.NotFound, op, name, err)
	}
	if err != nil {
		return nil, 0, fault.New(fault.Unavailable, op, name, err)
	}
	e, err := event.Decode(msg.Data)
	if err != nil {
		return nil, 0, fault.New(fault.Invalid, op, name, err)
	}
	return e, len(msg.Data), nil
}

// events returns the stream, which is asked for once.
func (l *Log) events(ctx context.Context) (jetstream.Stream, error) {
	l.mu.Lock()
	s := l.stream
	l.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := l.js.Stream(ctx, topology.Events)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stream = s
	return s, nil
}

// keep puts an event in front and drops from the back what is too much.
func (l *Log) keep(k *keeping) {
	l.kept[k.seq] = l.order.PushFront(k)
	l.size += k.size
	for l.size > l.most && l.order.Len() > 0 {
		last := l.order.Back()
		old := last.Value.(*keeping)
		l.order.Remove(last)
		delete(l.kept, old.seq)
		l.size -= old.size
	}
}
