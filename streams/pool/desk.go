package pool

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/nats-io/nats.go"
)

// errInterrupted says that acknowledgements may have been lost with a
// connection, though one that came after them was confirmed.
var errInterrupted = errors.New("connection was lost meanwhile")

// desk has the acknowledgements of one consumer confirmed, all that come while
// the server answers together: it takes what comes over one connection in
// order, so the answer to the last answers for all.
type desk struct {
	nc *nats.Conn

	mu      sync.Mutex
	waiting []*slip
	busy    bool
}

// slip is an acknowledgement that waits. turn receives true when it is for its
// holder to send what waits, or is closed when err is there.
type slip struct {
	reply string
	turn  chan bool
	err   error
}

// settle sends an acknowledgement and returns nil once the server has
// confirmed it.
func (d *desk) settle(ctx context.Context, reply string) error {
	s := &slip{reply: reply, turn: make(chan bool, 1)}
	d.mu.Lock()
	d.waiting = append(d.waiting, s)
	if !d.busy {
		d.busy = true
		s.turn <- true
	}
	d.mu.Unlock()
	// Not given up when ctx ends: it may be this one's turn, and each turn is
	// bounded.
	if mine := <-s.turn; mine {
		d.serve(context.WithoutCancel(ctx))
	}
	return s.err
}

// serve confirms all that waits, and hands the turn on.
func (d *desk) serve(ctx context.Context) {
	runtime.Gosched() // what is about to be settled is confirmed by the same answer
	d.mu.Lock()
	group := d.waiting
	d.waiting = nil
	d.mu.Unlock()

	err := d.confirm(ctx, group)
	for _, s := range group {
		s.err = err
		close(s.turn)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy = len(d.waiting) > 0; d.busy {
		d.waiting[0].turn <- true
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
