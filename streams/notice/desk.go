package notice

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/entry"
)

// DefaultInterval is the default of [Settings.Interval].
const DefaultInterval = 10 * time.Minute

// Settings is what a desk is made from.
type Settings struct {
	JS jetstream.JetStream
	// Interval is the length of a window, in which an owner hears at most once
	// of each kind and thing, by each instance; 0 means [DefaultInterval]. It
	// should not be longer than ingest's window of de-duplication, which makes
	// one event of what several instances tell.
	Interval time.Duration
	// Name returns the name, for people, of the thing that a notice is about;
	// empty where it has none.
	Name func(k Kind, owner, thing string) string
	Log  zerolog.Logger
	Now  func() time.Time
}

// Desk raises notices. It may be used by many goroutines.
type Desk struct {
	settings Settings
	tell     func(context.Context, *event.Event) error
	wake     chan struct{}

	mu   sync.Mutex
	book *book
}

// New returns a desk that publishes while [Desk.Run] runs.
func New(s Settings) *Desk {
	return newDesk(s, func(ctx context.Context, e *event.Event) error { return entry.Publish(ctx, s.JS, e) })
}

func newDesk(s Settings, tell func(context.Context, *event.Event) error) *Desk {
	if s.Interval <= 0 {
		s.Interval = DefaultInterval
	}
	return &Desk{settings: s, tell: tell, wake: make(chan struct{}, 1), book: newBook(s.Interval)}
}

// Raise has the owner told of n, soon or with the next window. It does not
// block. What there is no room for is logged and dropped.
func (d *Desk) Raise(n Notice) {
	if n.Owner == "" || Operational(n.Cause) {
		return
	}
	d.mu.Lock()
	noted := d.book.add(n, d.settings.Now())
	d.mu.Unlock()
	if !noted {
		d.log(&n).Msg("operational event dropped: too many things to tell of")
		return
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run publishes until ctx ends, then what is left of the present window, and
// returns nil. It may be called once.
func (d *Desk) Run(ctx context.Context) error {
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastPatience, end) })()
	for ctx.Err() == nil {
		wait, waits := d.publish(life)
		d.await(ctx, wait, waits)
	}
	d.publish(life)
	return nil
}

// lastPatience bounds what is published at the end.
const lastPatience = 2 * time.Second

// publish publishes what is due, and returns in how long something will be if
// nothing is raised.
func (d *Desk) publish(ctx context.Context) (time.Duration, bool) {
	for {
		d.mu.Lock()
		now := d.settings.Now()
		due := d.book.due(now)
		wait, waits := d.book.next(now)
		d.mu.Unlock()
		if len(due) == 0 {
			return wait, waits
		}
		for i := range due {
			d.insist(ctx, &due[i])
		}
	}
}

// await waits until something is raised, or may have become due.
func (d *Desk) await(ctx context.Context, wait time.Duration, waits bool) {
	var due <-chan time.Time
	if waits {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-d.wake:
	case <-due:
	}
}

// Pauses between tries, doubled each time, and the bound of one try.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 10 * time.Second
	tryTimeout = 5 * time.Second
)

// insist publishes a notice, again after failures until ctx ends. The others
// wait in the book meanwhile.
func (d *Desk) insist(ctx context.Context, t *told) {
	t.name = d.settings.Name(t.Kind, t.Owner, t.Thing)
	e := t.event()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := d.try(ctx, e)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			d.log(&t.Notice).Err(err).Msg("operational event dropped: it could not be published")
			return
		}
		d.log(&t.Notice).Err(err).Msg("operational event not published; trying again")
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (d *Desk) try(ctx context.Context, e *event.Event) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	return d.tell(ctx, e)
}

func (d *Desk) log(n *Notice) *zerolog.Event {
	return d.settings.Log.Warn().Str("owner", n.Owner).Str("type", string(n.Kind)).Str("thing", n.Thing).Str("reason", n.Reason)
}
