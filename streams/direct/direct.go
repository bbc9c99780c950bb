// Package direct reads a stretch of messages of a stream with one request, from
// whichever replica answers: cheap, in order, and possibly a moment behind. It
// refuses to follow a stream, and to promise that nothing is missing; see scan.
package direct

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/api"
)

// MaxBatch is the greatest number of messages of one request.
const MaxBatch = 10_000

// Span is the next messages of a stream from a place on.
type Span struct {
	Stream string
	// Subject, which may hold wildcards, leaves out other messages; empty takes
	// all.
	Subject string
	// First is the least sequence. Since, when it is set, is the least moment
	// instead.
	First uint64
	Since time.Time
	// Batch is how many are wanted, 1 to [MaxBatch].
	Batch int
}

// Message is a stored message.
type Message struct {
	Subject string
	Header  nats.Header
	Data    []byte
	Seq     uint64
	Time    time.Time
}

// Read visits the messages of a span in order. More reports whether the stream
// has messages behind the last one: an answer is bounded in bytes too. The
// error is of kind Unavailable; what was visited before it stands.
//
// The answer gets a channel of its size: a synchronous subscription of nats.go,
// which the batched read of jetstreamext makes for every request, takes 512 KiB.
func Read(ctx context.Context, js jetstream.JetStream, s Span, visit func(*Message)) (more bool, err error) {
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	more, err = s.read(ctx, js, visit)
	if err != nil && !errors.Is(err, context.Canceled) {
		err = fault.New(fault.Unavailable, "read", s.Stream, err)
	}
	return more, err
}

// question is a request of the JetStream API.
type question struct {
	Seq       uint64     `json:"seq,omitempty"`
	StartTime *time.Time `json:"start_time,omitempty"`
	Next      string     `json:"next_by_subj,omitempty"`
	Batch     int        `json:"batch,omitempty"`
}

func (s *Span) question() ([]byte, error) {
	q := question{Seq: max(s.First, 1), Next: s.Subject, Batch: s.Batch}
	if !s.Since.IsZero() {
		q.Seq, q.StartTime = 0, &s.Since
	}
	return json.Marshal(q)
}

func (s *Span) read(ctx context.Context, js jetstream.JetStream, visit func(*Message)) (bool, error) {
	ask, err := s.question()
	if err != nil {
		return false, err
	}
	nc := js.Conn()
	answer := make(chan *nats.Msg, s.Batch+1) // and the mark of its end
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answer)
	if err != nil {
		return false, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := nc.PublishRequest(api.Direct(js, s.Stream), inbox, ask); err != nil {
		return false, err
	}
	for {
		select {
		case msg := <-answer:
			if msg.Header.Get(jetstream.SequenceHeader) == "" {
				return ended(msg.Header)
			}
			m, err := parse(msg)
			if err != nil {
				return false, err
			}
			visit(m)
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// ended reads the message that ends an answer: nothing was stored, the answer is
// whole, or nobody could give one.
func ended(h nats.Header) (more bool, err error) {
	switch status := h.Get("Status"); status {
	case "204":
		return h.Get("Nats-Num-Pending") != "0", nil
	case "404":
		return false, nil
	default:
		return false, errors.New("answered with status " + status + " " + h.Get("Description"))
	}
}

func parse(msg *nats.Msg) (*Message, error) {
	m := &Message{Subject: msg.Header.Get(jetstream.SubjectHeader), Header: msg.Header, Data: msg.Data}
	var err error
	if m.Seq, err = strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64); err != nil {
		return nil, err
	}
	m.Time, err = time.Parse(time.RFC3339Nano, msg.Header.Get(jetstream.TimeStampHeaer))
	return m, err
}
