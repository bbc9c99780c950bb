// Package fence writes to a part of a stream as its only writer: every write
// says which message it expects to be the newest there, so a writer that was
// replaced is refused, and a writer that does not know whether a write arrived
// finds out by reading the newest message. It refuses to decide who the writer
// is; that is the lease and the epoch of package cursor.
package fence

import (
	"context"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/batch"
	"github.com/billhook/billhook/streams/topology"
)

// Fence is a part of a stream with one writer at a time. All its writers must
// use the same filter, letter by letter: the server compares it as text while
// writes are under way.
type Fence struct {
	Stream string
	Filter string
}

// Zero reports whether there is no fence.
func (f Fence) Zero() bool { return f == Fence{} }

// Writer writes inside one fence under one epoch. It belongs to one goroutine.
type Writer struct {
	js    jetstream.JetStream
	fence Fence
	epoch uint64

	last   uint64 // sequence of the newest message inside the fence
	count  uint64 // messages numbered so far
	pace   *batch.Pace
	recent *recent
}

// forcedBatch is the group size from which a fenced write always is a batch:
// singles wait for each other.
const forcedBatch = 128

// New returns a writer that expects last to be the sequence of the newest
// message inside the fence, 0 for none; see [Last]. The epoch must be the
// writer's alone.
func New(js jetstream.JetStream, f Fence, epoch, last uint64) *Writer {
	return &Writer{js: js, fence: f, epoch: epoch, last: last, pace: batch.NewPace(forcedBatch), recent: newRecent()}
}

// Last returns the sequence of the newest message inside the fence, as far as
// the writer knows.
func (w *Writer) Last() uint64 { return w.last }

// Write stores msgs in order, in atomic batches where that is faster. Messages
// whose Nats-Msg-Id is in the stream's duplicate window are left out; their
// indexes are returned. It repeats what fails for a passing reason until ctx
// ends. After an error, a first part of msgs may be stored.
//
// [ErrFenced] means that somebody else wrote inside the fence; the writer is
// of no more use.
func (w *Writer) Write(ctx context.Context, msgs []*nats.Msg) (duplicates []int, err error) {
	group := make([]numbered, len(msgs))
	for i, m := range msgs {
		w.count++
		group[i] = numbered{msg: m, number: w.count, index: i}
		w.stamp(m)
	}
	p := &put{w: w}
	for len(group) > 0 && err == nil {
		n := p.cut(group)
		err = p.store(ctx, group[:n])
		group = group[n:]
	}
	return p.duplicates, err
}

// stamp marks m with who wrote it. Epoch and number together are unique.
func (w *Writer) stamp(m *nats.Msg) {
	if m.Header == nil {
		m.Header = nats.Header{}
	}
	m.Header.Set(topology.HeaderEpoch, strconv.FormatUint(w.epoch, 10))
	m.Header.Set(topology.HeaderWrite, strconv.FormatUint(w.count, 10))
}

// expect makes the server refuse m, and the batch that it begins, when the
// newest message inside the fence is another than the writer knows.
func (w *Writer) expect(m *nats.Msg) {
	m.Header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(w.last, 10))
	m.Header.Set(jetstream.ExpectedLastSubjSeqSubjHeader, w.fence.Filter)
}

func unexpect(m *nats.Msg) {
	m.Header.Del(jetstream.ExpectedLastSubjSeqHeader)
	m.Header.Del(jetstream.ExpectedLastSubjSeqSubjHeader)
}

// numbered is a message with its number within the epoch and its index in the
// call of Write.
type numbered struct {
	msg    *nats.Msg
	number uint64
	index  int
}

// pauses between tries of a write whose failure may pass.
const (
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)
