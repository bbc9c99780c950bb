package pool

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/convoy"
)

// errInterrupted says that acknowledgements may have been lost with a
// connection, though one that came after them was confirmed.
var errInterrupted = errors.New("connection was lost meanwhile")

// desk has the acknowledgements of one consumer confirmed, all that come while
// the server answers together: it takes what comes over one connection in
// order, so the answer to the last answers for all.
type desk struct {
	nc      *nats.Conn
	waiting convoy.Convoys[struct{}, slip]
}

// slip is an acknowledgement that waits.
type slip struct {
	reply string
	err   error
}

// settle sends an acknowledgement and returns nil once the server has
// confirmed it.
func (d *desk) settle(ctx context.Context, reply string) error {
	s := &slip{reply: reply}
	d.waiting.Join(ctx, struct{}{}, s, d.serve)
	return s.err
}

// serve confirms all that waits.
func (d *desk) serve(ctx context.Context, group []*slip) {
	err := d.confirm(ctx, group)
	for _, s := range group {
		s.err = err
	}
}

func (d *desk) confirm(ctx context.Context, group []*slip) error {
	lost := d.nc.Stats().Reconnects
	last := len(group) - 1
	for _, s := range group[:last] {
		if err := d.nc.Publish(s.reply, ackDone); err != nil {
			return err
		}
	}
	if err := confirm(ctx, d.nc, ack{group[last].reply, ackDone}); err != nil {
		return err
	}
	if d.nc.Stats().Reconnects != lost {
		return errInterrupted
	}
	return nil
}

// ack is an acknowledgement and where it goes.
type ack struct {
	reply string
	kind  []byte
}

// confirm sends an acknowledgement and waits for the server's answer.
func confirm(ctx context.Context, nc *nats.Conn, a ack) error {
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	_, err := nc.RequestWithContext(ctx, a.reply, a.kind)
	return err
}
