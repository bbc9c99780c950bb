package series

import (
	"context"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/settle"
)

// Task is one attempt to be made.
type Task struct {
	// Work is the delivery with what was done for it so far. The deliverer
	// counts the attempt in it, and puts in it what a retry needs: Frozen and
	// Header come back unchanged with every retry, also at another holder.
	Work *settle.Work
	// Event is the delivery's event where it is at hand; nil for a retry whose
	// event may have left the log.
	Event *event.Event
	// Stored is when the event was stored in the log, by the server's clock: the
	// same for whoever takes over. It comes with the event.
	Stored time.Time
	// Head is the subscription's policy. Under [Block] the deliverer goes on
	// with the last interval of its schedule when that is used up.
	Head Head
}

// Sequence is the event's sequence in EVENTS: the header billhook-sequence.
func (t *Task) Sequence() uint64 { return t.Work.Delivery.EventSeq }

// Answer is what became of a task.
type Answer struct {
	// Outcome is the record of the attempt; nil when none was made. A result
	// of [delivery.Parked] means that no further attempt is planned: what
	// follows is the policy's. [delivery.Skipped] ends the delivery in every
	// policy.
	Outcome *delivery.Outcome
	// Hopeless is true where no further attempt can mend what is parked, such
	// as a mailbox that does not exist: then [Block] passes on too.
	Hopeless bool
	// NotBefore is when to try again where no attempt was made: the breaker is
	// open, or a rate limit is reached. It takes no attempt.
	NotBefore time.Time
}

// Deliverer makes attempts. It is called by several goroutines at once, never
// for two deliveries of one lane.
type Deliverer interface {
	// Attempt makes one attempt, or none. It returns an error when it cannot
	// tell, such as when ctx ended: the series then gives up the task.
	Attempt(ctx context.Context, t *Task) (Answer, error)
}
