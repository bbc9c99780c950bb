package cursor

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/internal/ordered"
)

// Handler is the work of a cursor. Its methods are called from one goroutine
// at a time, by the holder of the lease only, with a context that ends when
// the lease nears its end. Any error makes the cursor call again, after a
// pause, from the same position.
type Handler interface {
	// Begin is called after every take-over, before the first message.
	Begin(context.Context, *Session) error
	// Handle returns one step for each message, in order. It may be called
	// again with the same messages and must then return the same outputs for
	// those whose outputs were stored in part: see [Step].
	Handle(context.Context, *Session, []Message) ([]Step, error)
	// Woken is called between batches after Config.Wake received.
	Woken(context.Context, *Session) error
}

// Message is a message that was read.
type Message = ordered.Message

// Step is what became of one message. Its outputs are stored in order and
// exactly once; when there are more than fit a batch and the holder dies
// between batches, the next one handles the message again and stores only the
// outputs that lack, so they must be the same both times.
type Step struct {
	Outputs []Output
}

// Output is a message to be written inside the fence.
type Output struct {
	Subject string
	// Header may hold what a publisher wrote: names that begin with Nats- or
	// Billhook- are left out.
	Header nats.Header
	Data   []byte
	// MsgID is the id for the server's de-duplication; empty for none. An
	// output whose id is already in the window is dropped and logged.
	MsgID string
}
