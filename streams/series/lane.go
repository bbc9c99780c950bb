package series

import (
	"time"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/settle"
)

// item is an event of a lane that is not finished.
type item struct {
	seq  uint64
	lane *lane
	// event and work are nil where they are to be loaded: that is so for the
	// head of a lane that waits for a retry, which holds no bytes. stored is
	// when the event was stored.
	event  *event.Event
	stored time.Time
	work   *settle.Work
	// kept is the id under which a failed attempt left bytes; attempts is how
	// many there were.
	kept     string
	attempts int
}

// lane is a lane with something unfinished.
type lane struct {
	name string
	// held are its first unfinished events, in order.
	held []*item
	// again is the sequence from which on its events are to be read again,
	// because they are not held; 0 when all that was read is held.
	again uint64
	// served says that the reading under way for those that lag passes all of
	// its events from again on.
	served bool
	// next is when its head is tried again; zero when it is not waiting.
	next time.Time
	// busy is true from the beginning of an attempt until its outcome is
	// stored.
	busy bool
	// queued is true while it is among those that are ready.
	queued bool
}

// first is the sequence of the first event that may be unfinished; 0 for none.
func (l *lane) first() uint64 {
	if len(l.held) > 0 {
		return l.held[0].seq
	}
	return l.again
}

// waits reports whether the lane's head waits for its retry.
func (l *lane) waits() bool { return !l.next.IsZero() }

// listed is what the position says of a lane that waits.
func (l *lane) listed() position.Lane {
	head := l.held[0]
	return position.Lane{First: head.seq, Attempts: head.attempts, Next: l.next, Kept: head.kept}
}

// pop removes the finished head.
func (l *lane) pop() {
	l.held[0] = nil
	l.held = l.held[1:]
}

// shed gives up all but the head's place, and returns how many events it held.
func (l *lane) shed() int {
	n := len(l.held)
	head := l.held[0]
	if n > 1 {
		l.again, l.served = l.held[1].seq, false
	}
	head.event, head.work = nil, nil
	l.held = []*item{head}
	return n
}
