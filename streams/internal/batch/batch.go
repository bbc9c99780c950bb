// Package batch stores messages as one atomic batch and says what a failed
// publish means. It is the common ground of the fenced and the gathered
// writing and refuses to retry: only they know what may be sent twice.
package batch

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	// MaxMessages is the greatest number of messages in a batch, and what the
	// server allows: each costs it some 2 ms of processor time and a sync by
	// itself.
	MaxMessages = 1000
	// MaxBytes bounds the payload of a batch, since client and server keep
	// all of it in memory.
	MaxBytes = 8 << 20
)

// Publish stores msgs, all or none, next to each other, and returns the
// sequence of the last. It waits for the commit only: an acknowledgement of
// the first message costs a round trip and finds nothing that the commit does
// not find. Afterwards the messages are as they were, ready for another try.
func Publish(ctx context.Context, js jetstream.JetStream, msgs []*nats.Msg) (uint64, error) {
	defer strip(msgs)
	for _, m := range msgs {
		if m.Header == nil {
			m.Header = nats.Header{}
		}
	}
	ack, err := jetstreamext.PublishMsgBatch(ctx, js, msgs, jetstreamext.BatchFlowControl{AckFirst: false})
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// strip removes the marks of the batch: a message that carries them outside
// of it is refused.
func strip(msgs []*nats.Msg) {
	for _, m := range msgs {
		m.Header.Del(jetstreamext.BatchIDHeader)
		m.Header.Del(jetstreamext.BatchSeqHeader)
		m.Header.Del(jetstreamext.BatchCommitHeader)
	}
}

// Fit returns how many of msgs, from the first, make one batch; at least one.
func Fit(msgs []*nats.Msg) int {
	bytes := 0
	for i, m := range msgs {
		bytes += m.Size()
		if i == MaxMessages || i > 0 && bytes > MaxBytes {
			return i
		}
	}
	return len(msgs)
}
