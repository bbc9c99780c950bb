package stored

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

const (
	// dueTTL is how long a timer that went off stays in the stream. One that
	// nobody took by then is set again by the next reconciliation.
	dueTTL = time.Hour
	// soon is how near a moment may be for its timer to be set whatever was
	// set before: it might go off between a new key and what is remembered.
	soon = time.Minute
	// rememberedMax bounds the moments remembered as set.
	rememberedMax = 100_000
)

// Timer is message schedules in the stream SCHEDULES, one for each moment, and
// the keys behind each moment as messages of one subject.
type Timer struct {
	js  jetstream.JetStream
	now func() time.Time

	mu sync.Mutex
	// set are moments whose timer this process has set.
	set map[timer.Moment]bool
}

// NewTimer returns the timer. It makes no request.
func NewTimer(js jetstream.JetStream, now func() time.Time) *Timer {
	return &Timer{js: js, now: now, set: map[timer.Moment]bool{}}
}

// Arm notes keys at a moment and sets its timer. The keys come first, so that
// whoever is woken sees them.
func (t *Timer) Arm(ctx context.Context, m timer.Moment, keys ...string) error {
	for _, key := range keys {
		if _, err := t.js.Publish(ctx, subject.ScheduleKeys(m.Part, m.Unix), []byte(key)); err != nil {
			return fault.New(fault.Unavailable, "arm timer", m.Time().String(), err)
		}
	}
	ahead := m.Time().Sub(t.now())
	if ahead > soon && len(keys) > 0 && t.remembered(m) {
		return nil
	}
	if err := t.wake(ctx, m, ahead); err != nil {
		return fault.New(fault.Unavailable, "arm timer", m.Time().String(), err)
	}
	t.remember(m)
	return nil
}

// wake sets the timer of a moment. The server's own timers for the past go off
// in the order of their setting but not at once, so for a moment that has
// passed the message is stored as if its timer had gone off.
func (t *Timer) wake(ctx context.Context, m timer.Moment, ahead time.Duration) error {
	if ahead <= 0 {
		msg := &nats.Msg{Subject: subject.ScheduleDue(m.Part, m.Unix)}
		_, err := t.js.PublishMsg(ctx, msg, jetstream.WithMsgTTL(dueTTL))
		return err
	}
	_, err := t.js.Publish(ctx, subject.ScheduleSet(m.Part, m.Unix), nil,
		jetstream.WithScheduleAt(m.Time()), jetstream.WithScheduleTarget(subject.ScheduleDue(m.Part, m.Unix)),
		jetstream.WithScheduleTTL(dueTTL))
	return err
}

func (t *Timer) remembered(m timer.Moment) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.set[m]
}

func (t *Timer) remember(m timer.Moment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.set) >= rememberedMax {
		clear(t.set)
	}
	t.set[m] = true
}

func (t *Timer) forget(m timer.Moment) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.set, m)
}

// Drop removes the timer of a moment and all keys behind it.
func (t *Timer) Drop(ctx context.Context, m timer.Moment) error {
	t.forget(m)
	for _, s := range []string{subject.ScheduleSet(m.Part, m.Unix), subject.ScheduleDue(m.Part, m.Unix), subject.ScheduleKeys(m.Part, m.Unix)} {
		if err := t.purge(ctx, jetstream.WithPurgeSubject(s)); err != nil {
			return err
		}
	}
	return nil
}

func (t *Timer) purge(ctx context.Context, how ...jetstream.StreamPurgeOpt) error {
	s, err := t.js.Stream(ctx, topology.Schedules)
	if err == nil {
		err = s.Purge(ctx, how...)
	}
	if err != nil {
		return fault.New(fault.Unavailable, "remove timer", "", err)
	}
	return nil
}

// Keys visits the keys at a moment and returns the sequence of the last.
func (t *Timer) Keys(ctx context.Context, m timer.Moment, visit func(key string) error) (upTo uint64, err error) {
	stretch := scan.Stretch{Stream: topology.Schedules, Filters: []string{subject.ScheduleKeys(m.Part, m.Unix)}}
	err = scan.Read(ctx, t.js, stretch, func(msg *cursor.Message) error {
		upTo = msg.Seq
		return visit(string(msg.Data))
	})
	return upTo, err
}

// Clear removes the keys at a moment up to a sequence.
func (t *Timer) Clear(ctx context.Context, m timer.Moment, upTo uint64) error {
	if upTo == 0 {
		return nil
	}
	return t.purge(ctx, jetstream.WithPurgeSubject(subject.ScheduleKeys(m.Part, m.Unix)), jetstream.WithPurgeSequence(upTo+1))
}

// Passed removes what remains of a timer that went off, up to a sequence.
func (t *Timer) Passed(ctx context.Context, m timer.Moment, upTo uint64) error {
	return t.purge(ctx, jetstream.WithPurgeSubject(subject.ScheduleDue(m.Part, m.Unix)), jetstream.WithPurgeSequence(upTo+1))
}

// Armed returns what is set, as it is now.
func (t *Timer) Armed(ctx context.Context) (timer.Armed, error) {
	t.mu.Lock()
	clear(t.set) // whoever asks finds out what lacks, and arms it
	t.mu.Unlock()
	a := timer.Armed{Timers: map[timer.Moment]bool{}, Moments: map[timer.Moment]bool{}}
	// Timers are a few, keys are many: all of the stream is read at once, and each
	// subject understood once.
	known := map[string]set{}
	stretch := scan.Stretch{Stream: topology.Schedules, Filters: []string{scan.Everything}}
	err := scan.Read(ctx, t.js, stretch, func(msg *cursor.Message) error {
		what, ok := known[msg.Subject]
		if !ok {
			m, err := parse(msg.Subject)
			if err != nil {
				return err
			}
			what = set{m, msg.Subject == subject.ScheduleKeys(m.Part, m.Unix)}
			known[msg.Subject] = what
			of := a.Timers
			if what.key {
				of = a.Moments
			}
			of[m] = true
		}
		if what.key {
			a.Keys.Add(what.moment.MarkOf(string(msg.Data)))
		}
		return nil
	})
	a.Keys.Sort()
	return a, err
}

// set is what a subject says is set: a timer, or a key behind one.
type set struct {
	moment timer.Moment
	key    bool
}

func parse(name string) (timer.Moment, error) {
	part, unix, err := subject.ParseSchedule(name)
	if err != nil {
		return timer.Moment{}, fault.New(fault.Internal, "list timers", "", err)
	}
	return timer.Moment{Part: part, Unix: unix}, nil
}

// MomentOf returns the moment of a timer that went off.
func MomentOf(subject string) (timer.Moment, error) { return parse(subject) }
