// Package queue hands out the events of queues to who asks for them. A queue is a
// reading of EVENTS: nothing is copied for it, and all that is kept is who has
// which event until when, one small value changed by compare-and-set; see package
// handout. So any number of instances serve one queue, none has to hold it, and
// whatever one of them was doing when it died comes again after its time.
//
//	Pull, Settle ─▶ line: one for each queue that is in use ─▶ bucket queue_state
//	                  ▲
//	EVENTS ───────────┘ an ordered reading while somebody asks
//
// A line takes all that is asked of its queue at a moment together, so that many
// readers cost one write. It refuses to know HTTP, and what an event looks like to
// its reader.
package queue

import (
	"cmp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/topology"
)

// The limits of what is handed out together, and of what is asked with receipts.
const (
	// MaxMessages is how many events at most.
	MaxMessages = 100
	// MaxBytes is the size of their bodies, unless one alone is greater.
	MaxBytes = 1 << 20
	// MaxAfter is the greatest [Deed.After]: in order, a whole queue waits for that.
	MaxAfter = handout.MaxHold
)

// Address names a queue.
type Address struct{ Owner, Queue string }

// Plan is how a queue is read. A queue that changes gets another plan; nobody
// changes one.
type Plan struct {
	// Incarnation tells the queue from one that had its name before.
	Incarnation string
	// Start is the sequence of EVENTS behind which it begins.
	Start uint64
	// Filters are the subjects of its event types, Match the rest of what it
	// wants.
	Filters []string
	Match   func(*event.Event) bool
	// InOrder says that what comes next waits for what came before.
	InOrder bool
	// Visibility is for how long what is handed out is its reader's.
	Visibility time.Duration
	// Active is false for a queue that hands out nothing for now.
	Active bool
}

// Source tells what the queues are.
type Source interface {
	// Plan returns how a queue is read now; false for one that is not there.
	Plan(Address) (*Plan, bool)
	// Changes returns a channel that receives after every change, and how to end
	// it.
	Changes() (<-chan struct{}, func())
}

// Message is an event that is handed out.
type Message struct {
	// Receipt is what it is acknowledged by.
	Receipt string
	// Seq is its place in EVENTS; it grows from event to event.
	Seq uint64
	// Times is how often it was handed out, with this time.
	Times int
	// Body is what [Settings.Render] made of it.
	Body []byte
}

// Settings is what a desk works with.
type Settings struct {
	JS     jetstream.JetStream
	Source Source
	// Render returns what the reader of a queue gets of an event.
	Render func(*event.Event) []byte
	// Lost is told what retention removed before it was read.
	Lost func(Address, handout.Gap)
	Log  zerolog.Logger
	Now  func() time.Time
	// Ticket returns a number that nobody can guess, and not 0.
	Ticket func() uint64
	// Waiting is how many requests of one owner may wait for events at once; those
	// of one queue are three quarters at most.
	Waiting int
	Pace    Pace
	// Fault is called at the fault points; nil in production.
	Fault func(point string)
}

// FaultStored is the fault point at which a state is stored and nobody answered: a
// test build may end the process there.
const FaultStored = "queue-stored"

// Pace is how long requests wait for what is there already and was not read yet.
type Pace struct {
	// Linger is how long one waits for more than there is, if more is on its way; 0
	// is 20 ms.
	Linger time.Duration
	// Patience is how long one waits beyond its own time as long as there is
	// something that was not looked at yet; 0 is 1 s.
	Patience time.Duration
}

func (p Pace) withDefaults() Pace {
	return Pace{Linger: cmp.Or(p.Linger, 20*time.Millisecond), Patience: cmp.Or(p.Patience, time.Second)}
}

// Key is where a queue is kept in the bucket of queues.
func (a Address) Key() string { return a.Owner + "." + a.Queue }

// Key is where the state of a queue is kept in its bucket.
func Key(at Address, incarnation string) string { return at.Key() + "." + incarnation }

// ParseKey reads what [Key] returns. Of other texts some part is empty.
func ParseKey(key string) (at Address, incarnation string) {
	owner, rest, _ := strings.Cut(key, ".")
	id, incarnation, _ := strings.Cut(rest, ".")
	return Address{Owner: owner, Queue: id}, incarnation
}

// GiveBack are the deeds that release events whose reader went away, or may not
// have them any more.
func GiveBack(messages []Message) []Deed {
	deeds := make([]Deed, len(messages))
	for i, m := range messages {
		deeds[i] = Deed{Receipt: m.Receipt, Want: handout.Released}
	}
	return deeds
}

// bucket is where states are kept.
const bucket = topology.QueueState
