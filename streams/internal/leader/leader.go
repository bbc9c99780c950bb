// Package leader reads the newest message of a subject from the leader of its
// stream. The reads of nats.go go to any replica where a stream allows direct
// reads, and a replica may lag; who decides what was written by such a read
// would write twice.
package leader

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/api"
)

// Message is a stored message. The zero Message, of sequence 0, is none.
type Message struct {
	Header nats.Header
	Data   []byte
	Seq    uint64
	Time   time.Time
}

// all is the filter for every subject.
const all = ">"

// Last returns the newest message that the stream has for the subject, which
// may hold wildcards; the zero Message when there is none.
func Last(ctx context.Context, js jetstream.JetStream, stream, subject string) (Message, error) {
	m, err := last(ctx, js, stream, subject)
	if err != nil || m.Seq != 0 || subject != all {
		return m, err
	}
	// For every subject the server looks at the stream's last sequence alone, and
	// has none where that message was removed.
	for _, part := range []string{"*", "*.>"} {
		of, err := last(ctx, js, stream, part)
		if err != nil {
			return Message{}, err
		}
		if of.Seq > m.Seq {
			m = of
		}
	}
	return m, nil
}

func last(ctx context.Context, js jetstream.JetStream, stream, subject string) (Message, error) {
	body, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return Message{}, err
	}
	ctx, cancel := api.Bound(ctx, js)
	defer cancel()
	resp, err := js.Conn().RequestWithContext(ctx, api.LastMessage(js, stream), body)
	if err != nil {
		return Message{}, err
	}
	return parse(resp.Data)
}

func parse(data []byte) (Message, error) {
	var r struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Seq     uint64    `json:"seq"`
			Headers []byte    `json:"hdrs"`
			Data    []byte    `json:"data"`
			Time    time.Time `json:"time"`
		} `json:"message"`
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return Message{}, err
	}
	switch {
	case r.Error != nil && r.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return Message{}, nil
	case r.Error != nil:
		return Message{}, r.Error
	case r.Message == nil:
		return Message{}, errNoMessage
	}
	m := Message{Data: r.Message.Data, Seq: r.Message.Seq, Time: r.Message.Time}
	if len(r.Message.Headers) == 0 {
		return m, nil
	}
	h, err := nats.DecodeHeadersMsg(r.Message.Headers)
	m.Header = h
	return m, err
}

var errNoMessage = errors.New("answer holds neither message nor error")
