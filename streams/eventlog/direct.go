package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/topology"
)

// errEnded says that the answer to a request ended before its time.
var errEnded = errors.New("the answer ended")

// span is what a batched direct read asks for: the next messages from a
// sequence on.
type span struct {
	First uint64 `json:"seq"`
	Batch int    `json:"batch"`
}

// ask reads a span of EVENTS, in order, with one request. It has a channel of
// the size of the answer: a synchronous subscription of nats.go, which the
// batched read of jetstreamext makes for every request, takes 512 KiB.
func ask(ctx context.Context, js jetstream.JetStream, s span, see func(seq uint64, data []byte)) error {
	question, err := json.Marshal(s)
	if err != nil {
		return err
	}
	nc := js.Conn()
	answer := make(chan *nats.Msg, s.Batch+1) // and the mark of its end
	inbox := nc.NewInbox()
	sub, err := nc.ChanSubscribe(inbox, answer)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := nc.PublishRequest(api.Direct(js, topology.Events), inbox, question); err != nil {
		return err
	}
	for {
		select {
		case msg := <-answer:
			seq, err := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
			if err != nil {
				return errEnded // a status: the end, or nothing there, or nobody
			}
			see(seq, msg.Data)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
