// Package gather is group commit for streams without a fence: many goroutines
// publish, and what has gathered while the last group was under way is stored
// together. Nothing waits for a timer. It refuses to try again what may have
// been stored: only the publisher knows whether a repetition does harm.
package gather

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/batch"
)

const (
	// waitingMax bounds the messages that wait for a flush; beyond it,
	// Publish waits for room.
	waitingMax = 2 * batch.MaxMessages
	// flushTimeout bounds one flush.
	flushTimeout = 10 * time.Second
)

// ErrStopped is returned for a message that came after the gatherer's end. It
// was not published.
var ErrStopped = errors.New("gatherer has stopped")

// Gatherer publishes to one stream for many goroutines.
type Gatherer struct {
	js      jetstream.JetStream
	name    string
	joins   bool
	in      chan *entry
	stopped chan struct{}

	pace batch.Pipelined // of Run's goroutine
}

// entry is a message with the place for its result.
type entry struct {
	msg  *nats.Msg
	done chan result
}

type result struct {
	seq uint64
	err error
}

// New returns a gatherer for messages of one stream; it allows atomic publish.
// It works while [Gatherer.Run] runs.
func New(js jetstream.JetStream, stream string) *Gatherer {
	return &Gatherer{
		js: js, name: stream,
		in: make(chan *entry, waitingMax), stopped: make(chan struct{}),
	}
}

// NewJoining returns a gatherer for records that many messages of one subject
// may share: what gathers for a subject is stored as one message. Its data are
// theirs, a line each, and so data must be without line ends; its header has
// their values, in the same order, so all must have the same names, a value
// each, none of which the server means something by. It costs the server a
// fraction of what a message for each would.
func NewJoining(js jetstream.JetStream, stream string) *Gatherer {
	g := New(js, stream)
	g.joins = true
	return g
}

// Run stores what gathers until ctx ends, then what has gathered, and returns
// nil. It may be called once. One group is under way at a time: the server
// commits one after the other, and two would be half as large.
func (g *Gatherer) Run(ctx context.Context) error {
	defer close(g.stopped)
	for {
		first, ok := g.next(ctx)
		if !ok {
			return nil
		}
		// Whoever is about to publish does so first: two that share a flush cost
		// little more than one.
		runtime.Gosched()
		g.flush(ctx, g.fill(first))
	}
}

// Publish stores msg and returns its sequence in the stream; messages that are
// joined share one. A message whose
// Nats-Msg-Id is in the duplicate window is a success with the sequence of the
// earlier one. Errors are of kind Invalid when the message itself is refused,
// Exhausted when the stream has no room, else Unavailable: then it may have
// been stored or not. The message belongs to the gatherer until Publish
// returns, and for good when ctx ended.
func (g *Gatherer) Publish(ctx context.Context, msg *nats.Msg) (uint64, error) {
	e := &entry{msg: msg, done: make(chan result, 1)}
	select {
	case g.in <- e:
	case <-ctx.Done():
		return 0, g.failure(ctx.Err())
	case <-g.stopped:
		return 0, g.failure(ErrStopped)
	}
	select {
	case r := <-e.done:
		return r.seq, r.err
	case <-ctx.Done():
		return 0, g.failure(ctx.Err())
	case <-g.stopped:
	}
	// Flushed at the last moment, or never.
	select {
	case r := <-e.done:
		return r.seq, r.err
	default:
		return 0, g.failure(ErrStopped)
	}
}

// next waits for a message. After the end of ctx it returns what is there.
func (g *Gatherer) next(ctx context.Context) (*entry, bool) {
	select {
	case e := <-g.in:
		return e, true
	case <-ctx.Done():
	}
	select {
	case e := <-g.in:
		return e, true
	default:
		return nil, false
	}
}

// fill adds what has gathered to the first message, without waiting.
func (g *Gatherer) fill(first *entry) []*entry {
	group, bytes := []*entry{first}, first.msg.Size()
	for len(group) < batch.MaxMessages && bytes < batch.MaxBytes {
		select {
		case e := <-g.in:
			group, bytes = append(group, e), bytes+e.msg.Size()
		default:
			return group
		}
	}
	return group
}

// failure gives an error its kind.
func (g *Gatherer) failure(err error) error {
	kind := fault.Unavailable
	var api *jetstream.APIError
	switch {
	case batch.Judge(err) == batch.Refused:
		kind = fault.Invalid
	case errors.As(err, &api) && exhausted[api.ErrorCode]:
		kind = fault.Exhausted
	}
	return fault.New(kind, "publish to", g.name, err)
}

// exhausted are the server's ways of saying that there is no room.
var exhausted = map[jetstream.ErrorCode]bool{
	10002: true, // resource limits exceeded for account
	10023: true, // insufficient resources
	10028: true, // insufficient memory resources available
	10047: true, // insufficient storage resources available
	10077: true, // store failed, above all: maximum bytes exceeded
}
