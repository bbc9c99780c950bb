package probe

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/subject"
)

// ErrNobody says that no sender is there to try anything.
var ErrNobody = errors.New("no sender is running")

// Asker asks the senders of a channel.
type Asker struct {
	NATS    *nats.Conn
	Channel delivery.Channel
}

// Ask has one of the senders try what q asks for and waits for the report, as
// long as ctx lasts. id names the question among all others: an identifier that
// nobody can guess.
func Ask[R, Q any](ctx context.Context, a Asker, id string, q Q) (R, error) {
	const op = "ask a sender"
	var r R
	data, err := json.Marshal(q)
	if err != nil {
		return r, fault.New(fault.Internal, op, string(a.Channel), err)
	}
	to := subject.ProbeAnswer(a.Channel, id)
	sub, err := a.NATS.SubscribeSync(to)
	if err != nil {
		return r, fault.New(fault.Unavailable, op, string(a.Channel), err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails on a closed connection only
	if err := a.NATS.PublishRequest(subject.ProbeAsk(a.Channel), to, data); err != nil {
		return r, fault.New(fault.Unavailable, op, string(a.Channel), err)
	}
	msg, err := sub.NextMsgWithContext(ctx)
	if errors.Is(err, nats.ErrNoResponders) {
		err = ErrNobody
	}
	if err != nil {
		return r, fault.New(fault.Unavailable, op, string(a.Channel), err)
	}
	if err := json.Unmarshal(msg.Data, &r); err != nil {
		return r, fault.New(fault.Internal, op, string(a.Channel), err)
	}
	return r, nil
}
