package pool

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/pull"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 5 * time.Second
	// serverAckWait is what the server takes where none is configured.
	serverAckWait = 30 * time.Second
)

// lane is the reading of one durable consumer.
type lane struct {
	inFlight int
	stream   string
	durable  jetstream.ConsumerConfig
	js       jetstream.JetStream
	log      zerolog.Logger
	handle   func(*Task)
	desk     *desk
	// settled holds a token after a task was settled.
	settled chan struct{}

	mu       sync.Mutex
	open     map[uint64]*Task // by sequence
	stopping bool

	puller atomic.Pointer[pull.Puller]
	wait   atomic.Int64 // the consumer's AckWait; 0 while unknown
}

// ackWait is how long the server lets a task be without a sign of life.
func (l *lane) ackWait() time.Duration {
	if wait := time.Duration(l.wait.Load()); wait > 0 {
		return wait
	}
	if l.durable.AckWait > 0 {
		return l.durable.AckWait
	}
	return serverAckWait
}

// run reads until ctx ends, again after every interruption. It calls opened
// when it reads for the first time, or gives up before.
func (l *lane) run(ctx context.Context, opened func()) {
	defer opened()
	pause := firstPause
	for ctx.Err() == nil {
		err := l.read(ctx, func() {
			opened()
			pause = firstPause
		})
		if err == nil || ctx.Err() != nil {
			continue
		}
		e := l.log.Warn()
		if errors.Is(err, pull.ErrReconnected) {
			e = l.log.Info()
		}
		e.Err(err).Msg("reading was interrupted; trying again")
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
	}
}

// read reads until ctx ends or the reading is interrupted. Tasks outlast it:
// they are settled over any connection.
func (l *lane) read(ctx context.Context, opened func()) error {
	if err := l.ensure(ctx); err != nil {
		return err
	}
	puller, err := pull.Start(pull.Config{
		JS: l.js, Stream: l.stream, Consumer: l.durable.Durable, Receive: l.receive,
	})
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.puller.Store(puller)
	room := l.inFlight - len(l.open)
	l.mu.Unlock()
	puller.Free(room)
	opened()
	err = puller.Wait(ctx)
	l.mu.Lock()
	l.puller.Store(nil)
	l.stopping = ctx.Err() != nil
	l.mu.Unlock()
	// While stopping, what still arrives is given back at once.
	puller.Drain()
	return err
}

// ensure makes the consumer if it does not exist.
func (l *lane) ensure(ctx context.Context) error {
	ctx, cancel := api.Bound(ctx, l.js)
	defer cancel()
	c, err := l.js.Consumer(ctx, l.stream, l.durable.Durable)
	if err == nil {
		// It may have been made with other settings.
		l.wait.Store(int64(c.CachedInfo().Config.AckWait))
		return nil
	}
	if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return err
	}
	_, err = l.js.CreateConsumer(ctx, l.stream, l.durable)
	if errors.Is(err, jetstream.ErrConsumerExists) {
		return nil
	}
	return err
}

// receive makes a task of a message. A message that is delivered again while
// its task is here, because a sign of life was lost, goes on as that task.
func (l *lane) receive(msg *nats.Msg) {
	at, err := pull.PlaceOf(msg)
	if err != nil {
		l.log.Error().Err(err).Str("subject", msg.Subject).Msg("message without its place dropped")
		return
	}
	t := newTask(l, msg, at)
	switch l.admit(t) {
	case again:
		l.free()
	case late:
		l.giveBack(t)
	default:
		l.handle(t)
	}
}

// admission says what becomes of a message that arrived.
type admission uint8

const (
	fresh admission = iota // it is a task
	again                  // it is the task that is here already
	late                   // the pool is stopping
)

// admit notes a new task, unless its message is here as one.
func (l *lane) admit(t *Task) admission {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.open[t.Seq]
	if known != nil && known.renew(t.reply) {
		return again
	}
	if l.stopping {
		return late
	}
	l.open[t.Seq] = t
	if known != nil {
		// It was released and came back before the answer to that.
		l.free()
	}
	return fresh
}

func (l *lane) giveBack(t *Task) {
	if err := t.giveBack(); err != nil {
		l.log.Info().Err(err).Msg("task not given back; it comes again after a while")
	}
}

// close forgets a settled task and makes room for another.
func (l *lane) close(t *Task) {
	l.mu.Lock()
	open, p := l.open[t.Seq] == t, l.puller.Load()
	if open {
		delete(l.open, t.Seq)
	}
	l.mu.Unlock()
	// A puller that begins meanwhile counts for itself.
	if open && p != nil {
		p.Free(1)
	}
	select {
	case l.settled <- struct{}{}:
	default:
	}
}

func (l *lane) free() {
	if p := l.puller.Load(); p != nil {
		p.Free(1)
	}
}

func (l *lane) unsettled() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.open)
}

// tasks returns the open tasks.
func (l *lane) tasks() []*Task {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]*Task, 0, len(l.open))
	for _, t := range l.open {
		out = append(out, t)
	}
	return out
}

// signs sends the signs of life that are due.
func (l *lane) signs(now time.Time) {
	for _, t := range l.tasks() {
		t.sign(now, l.ackWait()/4)
	}
}

func (l *lane) releaseAll() {
	for _, t := range l.tasks() {
		l.giveBack(t)
	}
}
