package pull_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/streams/internal/pull"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server with a stream and a consumer of it.
type rig struct {
	t   *testing.T
	ctx func() context.Context
	srv *natstest.Server
	js  jetstream.JetStream
	got chan *nats.Msg
}

func newRig(t *testing.T) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	srv := natstest.Start(t)
	r := &rig{t: t, ctx: func() context.Context { return ctx }, srv: srv, js: srv.JetStream(t), got: make(chan *nats.Msg, 10_000)}
	_, err := r.js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}})
	r.must(err)
	_, err = r.js.CreateConsumer(ctx, "S", jetstream.ConsumerConfig{Durable: "c", AckPolicy: jetstream.AckNonePolicy})
	r.must(err)
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) publish(n, size int) {
	r.t.Helper()
	for range n {
		_, err := r.js.Publish(r.ctx(), "s", make([]byte, size))
		r.must(err)
	}
}

func (r *rig) start() *pull.Puller {
	r.t.Helper()
	p, err := pull.Start(pull.Config{JS: r.js, Stream: "S", Consumer: "c", Receive: func(m *nats.Msg) { r.got <- m }})
	r.must(err)
	r.t.Cleanup(p.Stop)
	return p
}

func (r *rig) receive(n int) {
	r.t.Helper()
	for i := range n {
		select {
		case <-r.got:
		case <-r.ctx().Done():
			r.t.Fatalf("%d messages came, want %d", i, n)
		}
	}
}

// quiet fails when more comes although there is no room.
func (r *rig) quiet() {
	r.t.Helper()
	r.must(r.js.Conn().Flush())
	select {
	case <-r.got:
		r.t.Fatal("a message came without room for it")
	case <-time.After(100 * time.Millisecond):
	}
}

func TestNoMoreComesThanThereIsRoomFor(t *testing.T) {
	r := newRig(t)
	r.publish(100, 10)
	p := r.start()
	r.quiet()
	p.Free(10)
	r.receive(10)
	r.quiet()
	p.Free(3)
	r.receive(3)
	r.quiet()
	for range 87 {
		p.Free(1)
		r.receive(1)
	}
}

// Where a backlog waits at the server, all places are taken and each message that
// is done with frees one.
func TestFewPlacesAreNotAskedForOneByOne(t *testing.T) {
	const places, rounds = 64, 50
	r := newRig(t)
	asked := make(chan *nats.Msg, 10*rounds)
	sub, err := r.js.Conn().ChanSubscribe("$JS.API.CONSUMER.MSG.NEXT.>", asked)
	r.must(err)
	r.publish(places+rounds*places/8, 10)
	p := r.start()
	p.Free(places)
	r.receive(places)
	for range rounds {
		for range places / 8 {
			p.Free(1)
		}
		r.receive(places / 8)
	}
	r.must(r.js.Conn().Flush())
	r.must(sub.Unsubscribe())
	// A slow machine may take more than one lull for one, but one by one it would
	// be eight a round.
	if n := len(asked); n > rounds*4 {
		t.Errorf("%d requests for %d times %d places", n, rounds, places/8)
	}
}

func TestTheLastFewPlacesAreUsedThoughAllElseIsHeld(t *testing.T) {
	r := newRig(t)
	r.publish(70, 10)
	p := r.start()
	p.Free(64)
	r.receive(64)
	for range 6 {
		p.Free(1)
		r.receive(1) // or it waits for ever
	}
}

func TestLargeMessagesEndRequestsAndNotTheReading(t *testing.T) {
	r := newRig(t)
	r.publish(40, 900<<10)
	p := r.start()
	p.Free(40)
	r.receive(40)
}

func TestADeletedConsumerIsNoticed(t *testing.T) {
	r := newRig(t)
	p := r.start()
	p.Free(1)
	r.must(r.js.Conn().Flush())
	r.must(r.js.DeleteConsumer(r.ctx(), "S", "c"))
	if err := p.Wait(r.ctx()); !errors.Is(err, pull.ErrGone) {
		t.Fatalf("wait gave %v, want %v", err, pull.ErrGone)
	}
}

func TestAConsumerThatNeverWasIsNoticed(t *testing.T) {
	r := newRig(t)
	r.must(r.js.DeleteConsumer(r.ctx(), "S", "c"))
	p := r.start()
	p.Free(1)
	if err := p.Wait(r.ctx()); !errors.Is(err, pull.ErrGone) {
		t.Fatalf("wait gave %v, want %v", err, pull.ErrGone)
	}
}

func TestARestoredConnectionIsNoticed(t *testing.T) {
	r := newRig(t)
	p := r.start()
	p.Free(1)
	r.must(r.js.Conn().ForceReconnect())
	if err := p.Wait(r.ctx()); !errors.Is(err, pull.ErrReconnected) {
		t.Fatalf("wait gave %v, want %v", err, pull.ErrReconnected)
	}
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	p := r.start()
	ctx, cancel := context.WithCancel(r.ctx())
	cancel()
	if err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestADrainDeliversWhatHasArrived(t *testing.T) {
	r := newRig(t)
	js := r.srv.JetStream(t) // of its own, so that nothing else comes over it
	release := make(chan struct{})
	p, err := pull.Start(pull.Config{JS: js, Stream: "S", Consumer: "c", Receive: func(m *nats.Msg) {
		<-release
		r.got <- m
	}})
	r.must(err)
	p.Free(10)
	r.publish(5, 10)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for tick := time.NewTicker(time.Millisecond); js.Conn().Stats().InMsgs < 5 && r.ctx().Err() == nil; {
			<-tick.C
		}
		close(release)
		p.Drain()
	}()
	<-drained
	if len(r.got) != 5 {
		t.Fatalf("%d messages delivered, want 5", len(r.got))
	}
}
