package cursor

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/fence"
)

// Defaults of [Config].
const (
	DefaultBatch = 500
	DefaultLease = 5 * time.Second
	DefaultLook  = 10 * time.Second
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
)

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
