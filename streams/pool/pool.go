// Package pool reads streams out of order, shared by any number of instances.
package pool

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
)

// Config says which durable consumers a pool drains.
type Config struct {
	// Stream has the durable consumers; they exist or are made from Durables.
	Stream string
	// Durables are the consumers' configurations, such as topology's.
	Durables []jetstream.ConsumerConfig
	// InFlight bounds the unsettled tasks of this instance over all durables.
	InFlight int
}

// Deps are what a pool is given.
type Deps struct {
	JS     jetstream.JetStream
	Logger zerolog.Logger
}

// Pool drains durable consumers.
type Pool struct{}

// New returns a pool that does nothing until [Pool.Run].
func New(cfg Config, deps Deps) *Pool { return &Pool{} }

// Run calls handle for each message, from few goroutines: handle must not
// block for long, it hands the task over and returns. Run returns when ctx
// has ended and the tasks are settled.
func (p *Pool) Run(ctx context.Context, handle func(context.Context, *Task)) error {
	<-ctx.Done()
	return nil
}

// Ready is closed once all durables are being read.
func (p *Pool) Ready() <-chan struct{} { return nil }

// Task is one message, in progress until it is settled by Done or Release.
type Task struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Seq is the sequence in the stream, Time when it was stored.
	Seq  uint64
	Time time.Time
	// Delivered counts the deliveries of this message, from 1.
	Delivered int
}

// Done settles the task for good; the server has confirmed it when Done
// returns nil.
func (t *Task) Done(ctx context.Context) error { return nil }

// Release gives the task back for immediate redelivery, here or elsewhere.
func (t *Task) Release(ctx context.Context) error { return nil }
