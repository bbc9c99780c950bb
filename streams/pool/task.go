package pool

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/internal/pull"
)

// ErrReleased is returned by Done for a task that was released: it is being
// delivered again, here or elsewhere.
var ErrReleased = errors.New("task was released")

const (
	// confirmTimeout is how long one acknowledgement may go unconfirmed
	// before it is sent again.
	confirmTimeout = 2 * time.Second
	confirmPause   = 100 * time.Millisecond
)

// The kinds of acknowledgement.
var (
	ackDone     = []byte("+ACK")
	ackRelease  = []byte("-NAK")
	ackProgress = []byte("+WPI")
)

// Task is one message, in progress until it is settled by Done or Release. Its
// methods may be called from any goroutine.
type Task struct {
	Subject string
	Header  nats.Header
	Data    []byte
	// Seq is the sequence in the stream; Time is when it was stored.
	Seq  uint64
	Time time.Time
	// Delivered counts the deliveries of this message, from 1. Beyond 1, an
	// earlier try may have had its effects.
	Delivered int

	lane *lane
	nc   *nats.Conn

	mu    sync.Mutex
	reply string
	sent  time.Time // of the last sign of life
	state state
}

type state uint8

const (
	inProgress state = iota
	done
	released
)

func newTask(l *lane, msg *nats.Msg, at pull.Place) *Task {
	return &Task{
		Subject: msg.Subject, Header: msg.Header, Data: msg.Data,
		Seq: at.Seq, Time: at.Time, Delivered: int(at.Delivered),
		lane: l, nc: l.js.Conn(), reply: msg.Reply, sent: time.Now(),
	}
}

// Done settles the task for good. The server has confirmed that when it
// returns nil; it sends again until then or until ctx ends. After an error the
// task is still in progress. Calling it again is allowed.
func (t *Task) Done(ctx context.Context) error {
	for {
		reply, state := t.look()
		switch state {
		case done:
			return nil
		case released:
			return fault.New(fault.Conflict, "settle task", t.Subject, ErrReleased)
		}
		err := t.lane.desk.settle(ctx, reply)
		if err == nil {
			t.become(done)
			t.lane.close(t)
			return nil
		}
		select {
		case <-ctx.Done():
			return fault.New(fault.Unavailable, "settle task", t.Subject, errors.Join(err, context.Cause(ctx)))
		case <-time.After(confirmPause):
		}
	}
}

// Release gives the task back for immediate redelivery, here or elsewhere. An
// error means that the server did not confirm it, and that the redelivery may
// take the consumer's AckWait. Calling it again, or after Done, does nothing.
func (t *Task) Release(ctx context.Context) error {
	reply, state := t.look()
	if state != inProgress {
		return nil
	}
	// Before the server hears of it: it may deliver again before it answers.
	t.become(released)
	defer t.lane.close(t)
	if err := confirm(ctx, t.nc, ack{reply, ackRelease}); err != nil {
		return fault.New(fault.Unavailable, "release task", t.Subject, err)
	}
	return nil
}

// giveBack is Release without waiting for an answer.
func (t *Task) giveBack() error {
	reply, state := t.look()
	if state != inProgress {
		return nil
	}
	t.become(released)
	defer t.lane.close(t)
	return t.nc.Publish(reply, ackRelease)
}

// sign says that the task is in progress, if the last sign is old enough. A
// lost sign is not repeated: the next one comes in time.
func (t *Task) sign(now time.Time, age time.Duration) {
	t.mu.Lock()
	due := t.state == inProgress && now.Sub(t.sent) >= age
	if due {
		t.sent = now
	}
	reply := t.reply
	t.mu.Unlock()
	if due {
		_ = t.nc.Publish(reply, ackProgress)
	}
}

// renew takes over the address of a later delivery of the same message, unless
// the task was released.
func (t *Task) renew(reply string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state == released {
		return false
	}
	t.reply, t.sent = reply, time.Now()
	return true
}

func (t *Task) look() (string, state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.reply, t.state
}

func (t *Task) become(s state) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = s
}
