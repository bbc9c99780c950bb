package carrier

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/pool"
)

// Crew are those that do the work of a run.
type Crew struct {
	Sender   Sender
	Answerer Answerer
	// States is followed from before anything is taken until everything is
	// recorded; nil where there is nothing to know.
	States States
	// Beside work as long as something is taken, until their context ends.
	Beside []func(context.Context)
}

// Sender delivers what needs no order.
type Sender interface {
	// Take takes a task. It does not block.
	Take(ctx context.Context, t *pool.Task)
	// Drain gives back what waits and what still comes, and returns when
	// nothing is under way.
	Drain()
	// Stop drains and waits for everything that was started. Nothing is taken
	// after it.
	Stop()
}

// Answerer answers questions, such as [probe.Answerer].
type Answerer interface {
	// Serve answers until ctx ends, and calls ready once it hears questions.
	Serve(ctx context.Context, nc *nats.Conn, ready func())
}

// States are what has to be known before anything is taken.
type States interface {
	// Run follows them until ctx ends.
	Run(ctx context.Context)
	// Ready is closed once they are known.
	Ready() <-chan struct{}
}
