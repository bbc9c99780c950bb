// Package ordered reads a stream in order, once, as long as nothing interrupts
// it: a pull consumer in memory, without acknowledgements, whose own sequence
// must grow by one with every message. It refuses to repair itself: whoever
// reads knows from where to read again.
package ordered

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/pull"
)

// ErrInterrupted is why a reader ended that its owner did not end.
var ErrInterrupted = errors.New("reading was interrupted")

const (
	// inactive is when the server removes a consumer whose holder died.
	inactive = time.Minute
	// removeTimeout bounds the removal of a consumer that is done with.
	removeTimeout = time.Second
)

// Message is a message that was read.
type Message struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Seq is the sequence in the stream; Time is when it was stored.
	Seq  uint64
	Time time.Time
}

// Config says what is read.
type Config struct {
	Stream string
	// Filters do not overlap. None means all of the stream.
	Filters []string
	// After is the sequence behind which reading begins.
	After uint64
	// Name is that of the consumer, for people; it must be new. Empty means
	// that the server names it.
	Name string
	// Room is how many messages are read ahead of the owner.
	Room int
	// Ready receives while there are messages to take, and Failed why the
	// reader was interrupted: an [ErrInterrupted]. Both have room for one, and
	// may be shared by several readers of one owner; nil means channels of the
	// reader's own.
	Ready  chan struct{}
	Failed chan error
}

// Reader reads until it is interrupted or closed. Its methods belong to one
// goroutine, except [Reader.Watch].
type Reader struct {
	js       jetstream.JetStream
	cfg      Config
	queue    *queue
	consumer jetstream.Consumer
	puller   *pull.Puller
	received uint64 // of the subscription's goroutine
}

// Read begins to read. The reader must be closed, and watched meanwhile.
func Read(ctx context.Context, js jetstream.JetStream, cfg Config) (*Reader, error) {
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, cfg.Stream, cfg.consumer())
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read", cfg.Stream, err)
	}
	if cfg.Ready == nil {
		cfg.Ready = make(chan struct{}, 1)
	}
	if cfg.Failed == nil {
		cfg.Failed = make(chan error, 1)
	}
	r := &Reader{js: js, cfg: cfg, queue: &queue{ready: cfg.Ready, follow: consumer.CachedInfo().NumPending}, consumer: consumer}
	r.puller, err = pull.Start(pull.Config{
		JS: js, Stream: cfg.Stream, Consumer: consumer.CachedInfo().Name, Receive: r.receive,
	})
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read", cfg.Stream, err)
	}
	r.puller.Free(cfg.Room)
	return r, nil
}

func (c *Config) consumer() jetstream.ConsumerConfig {
	cfg := jetstream.ConsumerConfig{
		Name: c.Name, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: c.After + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: inactive,
	}
	if len(c.Filters) == 1 {
		cfg.FilterSubject = c.Filters[0]
	} else {
		cfg.FilterSubjects = c.Filters
	}
	return cfg
}

// Watch notices interruptions, until ctx ends.
func (r *Reader) Watch(ctx context.Context) {
	if err := r.puller.Wait(ctx); err != nil {
		r.fail(err)
	}
}

// Ready receives while there are messages to take.
func (r *Reader) Ready() <-chan struct{} { return r.queue.ready }

// Failed receives why the reader was interrupted: an [ErrInterrupted].
func (r *Reader) Failed() <-chan error { return r.cfg.Failed }

// Last returns the sequence of the last message received, 0 at first.
func (r *Reader) Last() uint64 { return r.queue.last() }

// Behind reports whether there are messages to take, or more were to follow when
// the last one was delivered.
func (r *Reader) Behind() bool { return r.queue.behind() }

// Backlog returns how many messages there are to take, those included that were
// to follow when the last one was delivered, and when the oldest of them was
// stored, as far as it is there already.
func (r *Reader) Backlog() (messages int, oldest time.Time) { return r.queue.backlog() }

// receive takes a message from the subscription.
func (r *Reader) receive(msg *nats.Msg) {
	place, err := pull.PlaceOf(msg)
	if err != nil {
		r.fail(err)
		return
	}
	if place.Nth != r.received+1 {
		r.fail(fmt.Errorf("message %d came after %d", place.Nth, r.received))
		return
	}
	r.received++
	r.queue.push(Message{
		Subject: msg.Subject, Header: msg.Header, Data: msg.Data,
		Seq: place.Seq, Time: place.Time,
	}, place.Pending)
}

// Take returns what is there, at most n messages, and asks for as many more.
func (r *Reader) Take(n int) []Message {
	msgs := r.queue.take(n)
	r.puller.Free(len(msgs))
	return msgs
}

func (r *Reader) fail(err error) {
	select {
	case r.cfg.Failed <- errors.Join(ErrInterrupted, err):
	default:
	}
}

// Close ends the reader. What it holds is dropped.
func (r *Reader) Close(ctx context.Context) {
	r.puller.Stop()
	if !r.js.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	// The server removes it by itself when this fails.
	_ = r.js.DeleteConsumer(ctx, r.cfg.Stream, r.consumer.CachedInfo().Name)
}
