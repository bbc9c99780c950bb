package cursor

import (
	"runtime"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/internal/pace"
	"github.com/billhook/billhook/streams/subject"
)

// Defaults of [Config].
const (
	DefaultBatch = 1000
	DefaultLease = 5 * time.Second
	DefaultLook  = 10 * time.Second
	// DefaultLinger is that of [Lanes].
	DefaultLinger = time.Second
)

// Config says what a cursor reads and what it may write.
type Config struct {
	// Name is the key of the cursor's lease and checkpoint: the same for all
	// instances that take turns. Dots are allowed, such as "ingest.3".
	Name string
	// Holder names this instance in the lease, for people.
	Holder string
	// Stream and Filters are what is read. No filter means all of the stream.
	Stream  string
	Filters []string
	// Fence is the part of a stream that only this cursor writes, as a stream
	// and a filter. Zero when the cursor writes no stream; its handler's
	// effects must then bear repetition.
	Fence fence.Fence
	// Start is the position of a cursor without a checkpoint: reading begins
	// behind this sequence. 0 reads all.
	Start uint64
	// Lanes tells messages apart, so that those of one key give way to the
	// others; nil when all are one.
	Lanes *Lanes
	// BatchMax is the greatest number of messages handled at once; 0 means
	// [DefaultBatch].
	BatchMax int
	// LeaseTTL is how long a dead holder blocks its followers; 0 means
	// [DefaultLease].
	LeaseTTL time.Duration
	// Wake, when it receives, makes the cursor call Woken between batches.
	Wake <-chan struct{}
	// Fault is called with the name of each fault point passed; nil in
	// production. A test ends the process, or the cursor's context, in it.
	Fault func(point string)
	// OnGap is called after a gap was recorded; may be nil.
	OnGap func(Gap)
	// OnDuplicate is called for an output that the server dropped because its
	// MsgID is in the duplicate window; may be nil.
	OnDuplicate func(Output)
	// Look is how often the cursor looks for gaps and moves over what its
	// filters leave out; 0 means [DefaultLook].
	Look time.Duration
	// Purged says that the stream is purged behind the stored positions of its
	// cursors. Its beginning may then overtake what had been received at one
	// look before the next, but never the position.
	Purged bool
}

func (c Config) withDefaults() Config {
	if c.BatchMax == 0 {
		c.BatchMax = DefaultBatch
	}
	if c.LeaseTTL == 0 {
		c.LeaseTTL = DefaultLease
	}
	if c.Look == 0 {
		c.Look = DefaultLook
	}
	c.Lanes = c.Lanes.withDefaults()
	return c
}

// Names of the fault points.
const (
	// FaultPublished lies between a stored output and everything that
	// remembers it.
	FaultPublished = "after-publish-before-checkpoint"
	// FaultBatch lies between two batches of the outputs of one Handle.
	FaultBatch = "between-batches"
	// FaultCheckpoint lies behind a stored checkpoint.
	FaultCheckpoint = "after-checkpoint"
	// FaultAside lies between setting a key aside and everything that tells
	// of it; FaultBack does where the key has caught up.
	FaultAside = "after-setting-aside"
	FaultBack  = "after-taking-back"
)

// Lanes says how messages are told apart. The order of the messages of one key
// is always kept; a key of which much has gathered, or a flood comes, is set
// aside, and the others pass it.
type Lanes struct {
	// Key returns the key of a message, by its subject. A message without one,
	// or with one that is no identifier as package id has it, never lags.
	Key func(subject string) string
	// Filter matches the messages of a key, and no others.
	Filter func(key string) string
	// Linger is how often a key that has caught up may go with the others
	// again; 0 means [DefaultLinger].
	Linger time.Duration
	// Spread is how long messages of a key that lags may be held back for the
	// sake of the others, counted from when they were stored; 0 for not at
	// all.
	Spread time.Duration
	// Least is how many messages of keys that lag are handled a second at least
	// while they are held back, of all that its neighbours' cursors have
	// together, and half of what is a flood of one; 0 means [pace.PerProcessor]
	// for each processor.
	Least float64
	// Neighbours are those for whose sake a key lags; nil when only the
	// cursor's own messages are.
	Neighbours *Neighbours
}

func (l *Lanes) withDefaults() *Lanes {
	if l == nil {
		return nil
	}
	out := *l
	if out.Linger == 0 {
		out.Linger = DefaultLinger
	}
	if out.Least == 0 {
		out.Least = float64(pace.PerProcessor * runtime.GOMAXPROCS(0))
	}
	if out.Neighbours == nil {
		out.Neighbours = &Neighbours{}
	}
	return &out
}

// ByOwner returns lanes of a stream by owner: one with a backlog gives way to the
// others, of its partition and of those whose cursors have the same neighbours,
// for as long as spread. The filter of an owner's messages is of(part, owner).
func ByOwner(part int, of func(part int, owner string) string, spread time.Duration, n *Neighbours) *Lanes {
	return &Lanes{
		Key: subject.Owner, Filter: func(owner string) string { return of(part, owner) }, Spread: spread, Neighbours: n,
	}
}

// Deps are what a cursor is given.
type Deps struct {
	JS     jetstream.JetStream
	Logger zerolog.Logger
	// Now tells the time for records; nil means time.Now.
	Now func() time.Time
}

// Gap is a stretch of a stream that a cursor may never have seen. It is
// recorded in the stream GAPS as JSON.
type Gap struct {
	Cursor string `json:"cursor"`
	Stream string `json:"stream"`
	// Key is whose messages it concerns, where only those lagged so far.
	Key string `json:"key,omitempty"`
	// After is the last position before the gap. First and Last are the ends
	// of the stream. Where First is beyond After+1, retention removed what
	// lay between before the cursor had it for certain. Where Last is before
	// After, the stream was made again, or lost its end in a crash of the
	// server, and the cursor goes on behind Last.
	After uint64    `json:"after"`
	First uint64    `json:"first"`
	Last  uint64    `json:"last"`
	At    time.Time `json:"at"`
}
