package queue

import (
	"context"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/queue/handout"
)

const (
	// idle is after how long a line ends of which nothing was asked.
	idle = 10 * time.Second
	// poll is how often somebody who waits has the state read again: events that
	// others have may be acknowledged at another instance. rare is how often at
	// least, where nobody has done that for long.
	poll = 250 * time.Millisecond
	rare = 2 * time.Second
	// again is after how long a reading is tried again that failed.
	again = 200 * time.Millisecond
)

// line serves one queue. But for the inbox all of it belongs to the goroutine of
// run.
type line struct {
	desk *Desk
	at   Address
	log  zerolog.Logger
	wake chan struct{}

	// The inbox, which the desk guards:

	pulls     []*pull
	settlings []*settling

	// What was taken from it:

	waiting []*pull
	asked   []*settling

	plan *Plan
	key  string
	// state is what was read or written last; its State is nil when nothing was.
	state stored
	read  time.Time
	// moved is when it was first seen at its revision.
	moved    time.Time
	revision uint64
	// fresh says that it was read in this turn.
	fresh bool
	tail  tail
	// gap is what retention took, where that is not stored yet.
	gap *handout.Gap
	// told is the gap that was told of last.
	told handout.Gap
	used time.Time
	// failed says that EVENTS could not be read.
	failed bool
}

func newLine(d *Desk, at Address) *line {
	log := d.settings.Log.With().Str("owner", at.Owner).Str("queue", at.Queue).Logger()
	return &line{desk: d, at: at, log: log, wake: make(chan struct{}, 1), tail: tail{js: d.settings.JS}, used: time.Now()}
}

// nudge wakes the line.
func (l *line) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run serves the queue until nobody asks for it any more, or ctx ends.
func (l *line) run(ctx context.Context) {
	defer func() { l.tail.close(ctx) }()
	for ctx.Err() == nil {
		l.desk.take(l)
		if len(l.waiting)+len(l.asked) > 0 {
			l.used = time.Now()
		}
		if !l.follow(ctx) {
			break
		}
		l.turn(ctx)
		l.expire()
		if time.Since(l.used) >= idle {
			l.rest(ctx)
			if l.desk.close(l, false) {
				return
			}
			continue
		}
		l.pause(ctx)
	}
	l.end(ctx)
}

// follow takes notice of what the queue is now; it reports false when it is gone.
func (l *line) follow(ctx context.Context) bool {
	plan, ok := l.desk.settings.Source.Plan(l.at)
	if !ok {
		return false
	}
	if plan == l.plan {
		return true
	}
	// What was read ahead was judged by the former plan.
	l.tail.close(ctx)
	if key := Key(l.at, plan.Incarnation); key != l.key {
		l.key, l.state, l.gap, l.told = key, stored{}, nil, handout.Gap{}
	}
	l.plan = plan
	return true
}

// end answers all that still wait: with no events where the work ends, with
// ErrGone where the queue has.
func (l *line) end(ctx context.Context) {
	l.desk.close(l, true)
	l.desk.take(l)
	err := l.at.gone()
	late := pulled{err: err}
	if ctx.Err() != nil {
		late, err = pulled{}, l.at.unavailable(ErrClosed)
	}
	for _, p := range l.waiting {
		p.reply(late)
	}
	for _, s := range l.asked {
		s.answer <- settled{err: err}
	}
}

// expire answers those whose time is over with no events: at once if all there is
// was looked at, else a little later.
func (l *line) expire() {
	now := time.Now()
	l.waiting = slices.DeleteFunc(l.waiting, func(p *pull) bool {
		if now.Before(l.deadline(p)) {
			return p.gone()
		}
		var none pulled
		if l.failed {
			none.err = l.at.unavailable(errUnread)
		}
		p.reply(none)
		return true
	})
}

// deadline is until when a pull waits.
func (l *line) deadline(p *pull) time.Time {
	if l.plan.Active && !l.tail.dry() && !l.blocked() {
		return p.until.Add(l.desk.settings.Pace.Patience)
	}
	return p.until
}

// blocked reports whether nothing new may be handed out now.
func (l *line) blocked() bool {
	if l.state.State == nil {
		return false
	}
	_, fresh := l.state.Due(l.desk.settings.Now(), l.plan.InOrder, MaxMessages)
	return fresh == 0
}

// pause waits until there is something to do.
func (l *line) pause(ctx context.Context) {
	timer := time.NewTimer(l.sleep())
	defer timer.Stop()
	var ready <-chan struct{}
	if len(l.waiting) > 0 {
		ready = l.tail.ready()
	}
	select {
	case <-ctx.Done():
	case <-l.wake:
	case <-ready:
		l.tail.fill(l.plan, l.head())
	case err := <-l.tail.interrupted():
		l.interrupted(ctx, err)
	case <-timer.C:
	}
}

// interrupted ends a reading that was, to begin another.
func (l *line) interrupted(ctx context.Context, err error) {
	l.log.Debug().Err(err).Msg("reading of a queue was interrupted; reading again")
	l.tail.close(ctx)
}

// sleep is for how long there is nothing to do by the clock.
func (l *line) sleep() time.Duration {
	wake := l.used.Add(idle)
	for _, p := range l.waiting {
		wake = earliest(wake, l.deadline(p))
		if until := p.came.Add(l.desk.settings.Pace.Linger); time.Now().Before(until) {
			wake = earliest(wake, until)
		}
	}
	if len(l.waiting) > 0 {
		if l.failed {
			wake = earliest(wake, time.Now().Add(again))
		}
		if l.state.State != nil && len(l.state.Out) > 0 {
			wake = earliest(wake, l.read.Add(l.every()))
			now := l.desk.settings.Now()
			if next := l.state.Next(now, l.plan.InOrder); !next.IsZero() {
				wake = earliest(wake, time.Now().Add(next.Sub(now)))
			}
		}
	}
	return max(0, time.Until(wake))
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// rest stores, before the line ends, how far the queue was looked through where
// nothing was wanted, so that it is not looked through again.
func (l *line) rest(ctx context.Context) {
	if l.state.State == nil || l.tail.covered() < l.state.Head+worthwhile && !l.stale() {
		return
	}
	next := stored{l.state.Clone(), l.state.revision, l.state.since}
	next.Pass(l.tail.covered())
	if _, err := save(ctx, l.desk.settings.JS, l.key, next); err != nil && fault.KindOf(err) != fault.Conflict {
		l.log.Debug().Err(err).Msg("position of a queue not stored")
	}
}

// worthwhile is how many sequences a position must move for storing it alone.
const worthwhile = 1000
