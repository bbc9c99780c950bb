package cursor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/pull"
)

const (
	// inactive is when the server removes a consumer whose holder died.
	inactive = time.Minute
	// removeTimeout bounds the removal of a consumer that is done with.
	removeTimeout = time.Second
)

// reader is an ordered consumer: a pull consumer in memory, without
// acknowledgements, whose own sequence must grow by one with every message.
// Whatever interrupts that ends the reader, and the session makes another one
// from its position.
type reader struct {
	*queue
	consumer jetstream.Consumer
	puller   *pull.Puller
	failed   chan error
	received uint64 // of the subscription's goroutine
}

// read begins to read behind the session's position.
func (s *Session) read(ctx context.Context) (*reader, error) {
	js, stream := s.c.deps.JS, s.c.cfg.Stream
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	consumer, err := js.CreateConsumer(ctx, stream, s.consumerConfig())
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read", stream, err)
	}
	r := &reader{queue: newQueue(), consumer: consumer, failed: make(chan error, 1)}
	r.puller, err = pull.Start(pull.Config{
		JS: js, Stream: stream, Consumer: consumer.CachedInfo().Name, Receive: r.receive,
	})
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read", stream, err)
	}
	r.puller.Free(2 * s.c.cfg.BatchMax)
	return r, nil
}

func (s *Session) consumerConfig() jetstream.ConsumerConfig {
	s.readers++
	cfg := jetstream.ConsumerConfig{
		Name:          fmt.Sprintf("cursor_%s_%d_%d", strings.ReplaceAll(s.c.cfg.Name, ".", "_"), s.mark.Epoch, s.readers),
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.mark.Position + 1,
		AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1, InactiveThreshold: inactive,
	}
	if f := s.c.cfg.Filters; len(f) == 1 {
		cfg.FilterSubject = f[0]
	} else {
		cfg.FilterSubjects = f
	}
	return cfg
}

// watch waits for an interruption, until ctx ends.
func (r *reader) watch(ctx context.Context) {
	if err := r.puller.Wait(ctx); err != nil {
		r.fail(err)
	}
}

// receive takes a message from the subscription.
func (r *reader) receive(msg *nats.Msg) {
	meta, err := msg.Metadata()
	if err != nil {
		r.fail(err)
		return
	}
	if meta.Sequence.Consumer != r.received+1 {
		r.fail(fmt.Errorf("message %d came after %d", meta.Sequence.Consumer, r.received))
		return
	}
	r.received++
	r.push(Message{
		Subject: msg.Subject, Header: msg.Header, Data: msg.Data,
		Seq: meta.Sequence.Stream, Time: meta.Timestamp,
	})
}

// take returns what is there, at most n messages, and asks for as many more.
func (r *reader) take(n int) []Message {
	msgs := r.queue.take(n)
	r.puller.Free(len(msgs))
	return msgs
}

func (r *reader) fail(err error) {
	select {
	case r.failed <- errors.Join(errReader, err):
	default:
	}
}

// close ends the reader. What it holds is dropped.
func (r *reader) close(ctx context.Context, s *Session) {
	r.puller.Stop()
	if !s.c.deps.JS.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	// The server removes it by itself when this fails.
	_ = s.c.deps.JS.DeleteConsumer(ctx, s.c.cfg.Stream, r.consumer.CachedInfo().Name)
}
