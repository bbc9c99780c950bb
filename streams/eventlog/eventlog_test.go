package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is an EVENTS stream with n events; asked counts the requests to it.
type log struct {
	js    jetstream.JetStream
	asked func() uint64
}

func start(t testing.TB, n int) log {
	t.Helper()
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	for _, c := range topology.Streams(topology.Defaults()) {
		if c.Name == topology.Events {
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range n {
		ev := event.Event{ID: fmt.Sprint("evt_", i+1), Type: "invoice.posted", Owner: "acme", Time: time.Unix(1, 0).UTC()}
		b, err := ev.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.PublishAsync(subject.Event(0, "acme", "invoice.posted"), b); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-t.Context().Done():
	}
	nc := srv.Conn(t)
	reader := srv.JetStream(t)
	sub, err := nc.SubscribeSync("$JS.API.DIRECT.GET.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return log{js: reader, asked: func() uint64 {
		// What the reader sent was answered, so the server has it; a round
		// trip brings it here.
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		pending, _, err := sub.Pending()
		if err != nil {
			t.Fatal(err)
		}
		return uint64(pending)
	}}
}

func reader(t testing.TB, l log) *eventlog.Reader {
	t.Helper()
	r := eventlog.New(l.js)
	t.Cleanup(r.Close)
	return r
}

func TestDeliveriesOfOneEventShareOneRead(t *testing.T) {
	l := start(t, 3)
	r := reader(t, l)
	var work sync.WaitGroup
	for range 10 {
		work.Go(func() {
			ev, err := r.Get(t.Context(), 2)
			if err != nil || ev.ID != "evt_2" {
				t.Errorf("%+v, %v", ev, err)
			}
		})
	}
	work.Wait()
	if n := l.asked(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestABurstIsReadWithFewRequests(t *testing.T) {
	const n = 400
	l := start(t, n)
	r := reader(t, l)
	for seq := uint64(1); seq <= n; seq++ {
		r.Want(t.Context(), seq)
	}
	for seq := uint64(1); seq <= n; seq++ {
		ev, err := r.Get(t.Context(), seq)
		if err != nil || ev.ID != fmt.Sprint("evt_", seq) {
			t.Fatalf("%d: %+v, %v", seq, ev, err)
		}
	}
	if asked := l.asked(); asked > n/10 {
		t.Errorf("%d requests for %d events", asked, n)
	}
}

// The deliveries of neighbours come to other consumers, a moment later.
func TestWhatLiesBetweenIsNotReadAgain(t *testing.T) {
	const n = 400
	l := start(t, n)
	r := reader(t, l)
	get := func(seq uint64) {
		if ev, err := r.Get(t.Context(), seq); err != nil || ev.ID != fmt.Sprint("evt_", seq) {
			t.Fatalf("event %d: %+v, %v", seq, ev, err)
		}
	}
	for seq := uint64(1); seq < n; seq += 2 {
		r.Want(t.Context(), seq)
	}
	for seq := uint64(1); seq < n; seq += 2 {
		get(seq)
	}
	before := l.asked()
	for seq := uint64(2); seq < n; seq += 2 {
		get(seq)
	}
	// What the first requests were sent for alone has no neighbours with it.
	if asked := l.asked() - before; asked > n/20 {
		t.Errorf("%d requests for what lay between", asked)
	}
}

func TestWhatRetentionRemovedIsExpiredAndWhatIsNotThereYetIsNot(t *testing.T) {
	l := start(t, 20)
	stream, err := l.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(5)); err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	r := reader(t, l)
	for seq := uint64(1); seq <= 21; seq++ {
		r.Want(t.Context(), seq)
	}
	for seq := uint64(1); seq <= 20; seq++ {
		gone := seq < 5 || seq == 10
		if _, err := r.Get(t.Context(), seq); errors.Is(err, eventlog.ErrExpired) != gone || (err != nil) != gone {
			t.Errorf("%d: %v", seq, err)
		}
	}
	if _, err := r.Get(t.Context(), 21); err == nil || errors.Is(err, eventlog.ErrExpired) {
		t.Errorf("one that is not there yet: %v", err)
	}
	if _, err := l.js.PublishMsg(t.Context(), &nats.Msg{Subject: subject.Event(0, "acme", "x"), Data: []byte(`{"id":"evt_21"}`)}); err != nil {
		t.Fatal(err)
	}
	if ev, err := r.Get(t.Context(), 21); err != nil || ev.ID != "evt_21" {
		t.Errorf("a failure was kept: %+v, %v", ev, err)
	}
}

func TestAReaderThatGivesUpDoesNotSpoilItForOthers(t *testing.T) {
	l := start(t, 1)
	r := reader(t, l)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = r.Get(gone, 1)
	if _, err := r.Get(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkBurst(b *testing.B) {
	const n = 1000
	l := start(b, n)
	for b.Loop() {
		r := eventlog.New(l.js)
		for seq := uint64(1); seq <= n; seq++ {
			r.Want(b.Context(), seq)
		}
		for seq := uint64(1); seq <= n; seq++ {
			if _, err := r.Get(b.Context(), seq); err != nil {
				b.Fatal(err)
			}
		}
		r.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
}

func TestOneEventIsReadWithTheMomentItWasStoredAt(t *testing.T) {
	l := start(t, 3)
	stream, err := l.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	c, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy})
	if err != nil {
		t.Fatal(err)
	}
	for seq := uint64(1); seq <= 3; seq++ {
		msg, err := c.Next(jetstream.FetchMaxWait(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		e, stored, err := eventlog.One(t.Context(), l.js, seq)
		if err != nil || e.ID != fmt.Sprint("evt_", seq) || !stored.Equal(meta.Timestamp) {
			t.Errorf("event %+v of %s, want %s: %v", e, stored, meta.Timestamp, err)
		}
	}
	if err := stream.DeleteMsg(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, _, err := eventlog.One(t.Context(), l.js, 2); !errors.Is(err, eventlog.ErrExpired) {
		t.Errorf("an event that is gone: %v", err)
	}
}
