// Package scan reads a stretch of a stream once, from beginning to end, and is
// sure that nothing is missing: replicas may be behind, so the leader says how
// far there is something to read. It refuses to wait for what is not stored
// yet; see cursor.
package scan

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/internal/leader"
	"github.com/billhook/billhook/streams/internal/pull"
)

const (
	// room is how many messages are asked for ahead of the visits.
	room = 1000
	// wait is how long nothing comes before the leader is asked again how far
	// there is something; tries is how often in a row.
	wait  = 2 * time.Second
	tries = 5
	// inactive is when the server removes the consumer of a reader that died.
	inactive = time.Minute
)

// Why a reading failed.
var (
	// errBehind says that the replica that answered lacks the end of the stretch.
	errBehind = errors.New("the replica that answered is behind")
	// errLost says that messages were lost on their way.
	errLost = errors.New("messages were lost on their way")
)

// Everything is the filter for all of a stream. The server compares no subject
// for it; for any other, be it that of the stream itself, it does for every
// message: a second for 100,000.
const Everything = ">"

// Stretch is a part of a stream.
type Stretch struct {
	Stream string
	// Filters are subjects with wildcards that do not overlap.
	Filters []string
	// After is the sequence before the first message. Since, when it is set,
	// is the moment of the first one instead.
	After uint64
	Since time.Time
	// Until is the last sequence; 0 means all that is stored now.
	Until uint64
	// Moving says that messages of a subject replace each other, so that one may
	// move behind the end before it is visited: what is stored meanwhile is
	// visited too then, also what was visited where it was before.
	Moving bool
	// HeadersOnly leaves out the data.
	HeadersOnly bool
}

// Read visits the messages of a stretch in order and fails with what visit
// fails with. The visits are in one goroutine, which has ended when Read returns.
func Read(ctx context.Context, js jetstream.JetStream, s Stretch, visit func(*cursor.Message) error) error {
	r := reading{js: js, stretch: s, visit: visit, over: make(chan error, 1), dry: make(chan struct{}, 1)}
	reach, err := r.look(ctx)
	if err != nil || reach <= s.After {
		return err
	}
	consumer, err := js.CreateConsumer(ctx, s.Stream, s.config())
	if err != nil {
		return r.fail(err)
	}
	defer r.remove(ctx, consumer)
	r.reach.Store(reach)
	return r.run(ctx, consumer)
}

func (s Stretch) config() jetstream.ConsumerConfig {
	c := jetstream.ConsumerConfig{
		FilterSubjects: s.Filters, AckPolicy: jetstream.AckNonePolicy,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: inactive,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: s.After + 1,
		HeadersOnly: s.HeadersOnly,
	}
	if len(s.Filters) == 1 {
		c.FilterSubject, c.FilterSubjects = s.Filters[0], nil
	}
	if !s.Since.IsZero() {
		c.DeliverPolicy, c.OptStartSeq, c.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &s.Since
	}
	return c
}

// Count returns how many messages a stretch has that has no end.
func Count(ctx context.Context, js jetstream.JetStream, s Stretch) (uint64, error) {
	r := reading{js: js, stretch: s}
	consumer, err := js.CreateConsumer(ctx, s.Stream, s.config())
	if err != nil {
		return 0, r.fail(err)
	}
	defer r.remove(ctx, consumer)
	return consumer.CachedInfo().NumPending, nil
}

// reading is one reading of a stretch.
type reading struct {
	js      jetstream.JetStream
	stretch Stretch
	visit   func(*cursor.Message) error
	puller  *pull.Puller
	// reach is the sequence that must be seen, or passed, for the reading to
	// be complete; last is the last that was.
	reach, last atomic.Uint64
	// over receives how the visits ended, dry that the replica has no more, or
	// that it is to be looked whether the leader has.
	over chan error
	dry  chan struct{}

	// Of the goroutine that visits:

	// count is how many messages came.
	count uint64
	ended bool
}

func (r *reading) fail(err error) error {
	return fault.New(fault.Unavailable, "read", r.stretch.Stream, err)
}

// look asks the leader for the newest message of every filter, and returns the
// greatest sequence of the stretch. When the stretch ends before one of them, its
// end is passed on the way there.
func (r *reading) look(ctx context.Context) (reach uint64, err error) {
	for _, f := range r.stretch.Filters {
		m, err := leader.Last(ctx, r.js, r.stretch.Stream, f)
		if err != nil {
			return 0, r.fail(err)
		}
		if !r.stretch.Since.IsZero() && m.Time.Before(r.stretch.Since) {
			continue
		}
		reach = max(reach, m.Seq)
	}
	if r.stretch.Until != 0 {
		reach = min(reach, r.stretch.Until)
	}
	return reach, nil
}

func (r *reading) run(ctx context.Context, consumer jetstream.Consumer) error {
	info := consumer.CachedInfo()
	puller, err := pull.Start(pull.Config{JS: r.js, Stream: r.stretch.Stream, Consumer: info.Name, Receive: r.receive})
	if err != nil {
		return r.fail(err)
	}
	defer puller.Stop()
	watched, stop := context.WithCancel(ctx)
	interrupted := make(chan error, 1)
	go func() { interrupted <- puller.Wait(watched); close(interrupted) }()
	defer func() {
		stop()
		for range interrupted { // until it has ended
		}
	}()
	if info.NumPending == 0 {
		r.dry <- struct{}{}
	}
	r.puller = puller
	puller.Free(room)
	return r.await(ctx, interrupted)
}

// await waits until the end of the stretch is seen. Where nothing comes any more
// it was removed meanwhile, or the replica lacks it.
func (r *reading) await(ctx context.Context, interrupted <-chan error) error {
	tick := time.NewTicker(wait)
	defer tick.Stop()
	for left, before := tries, uint64(0); left > 0; {
		select {
		case err := <-r.over:
			return err
		case err := <-interrupted:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return r.fail(err)
		case <-r.dry:
		case <-tick.C:
			if last := r.last.Load(); last != before {
				left, before = tries, last
				continue
			}
			left--
		}
		reach, err := r.look(ctx)
		if err != nil {
			return err
		}
		if r.reach.Store(reach); reach <= max(r.last.Load(), r.stretch.After) {
			return nil
		}
	}
	return r.fail(errBehind)
}

// receive visits a message that lies in the stretch.
func (r *reading) receive(msg *nats.Msg) {
	if r.ended {
		return
	}
	place, err := pull.PlaceOf(msg)
	if r.count++; err == nil && place.Nth != r.count {
		err = errLost
	}
	if err != nil {
		r.end(r.fail(err))
		return
	}
	if r.stretch.Until == 0 || place.Seq <= r.stretch.Until {
		err = r.visit(&cursor.Message{Subject: msg.Subject, Header: msg.Header, Data: msg.Data, Seq: place.Seq, Time: place.Time})
	}
	r.last.Store(place.Seq)
	reached := place.Seq >= r.reach.Load()
	switch {
	case err != nil || reached && !r.stretch.Moving:
		r.end(err)
	case reached || place.Pending == 0:
		select {
		case r.dry <- struct{}{}:
		default:
		}
	}
	r.puller.Free(1)
}

func (r *reading) end(err error) {
	r.ended = true
	r.over <- err
}

func (r *reading) remove(ctx context.Context, consumer jetstream.Consumer) {
	// The server removes it by itself when this fails.
	_ = r.js.DeleteConsumer(ctx, r.stretch.Stream, consumer.CachedInfo().Name)
}
