package eventlog_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func stream(t *testing.T) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	if _, err := js.CreateStream(t.Context(), topology.Streams(topology.Defaults())[2]); err != nil {
		t.Fatal(err)
	}
	return js
}

func store(t *testing.T, js jetstream.JetStream, id string) uint64 {
	t.Helper()
	e := event.Event{ID: id, Type: "invoice.posted", Owner: "acme", Time: time.Unix(1, 0).UTC(), Data: event.Values{"Invoice.Id": event.Str(id)}}
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), subject.Event(0, "acme", "invoice.posted"), data)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestAnEventIsReadOnceForAllWhoAskAtOnce(t *testing.T) {
	js := stream(t)
	seq := store(t, js, "e1")
	log := eventlog.New(js, 1<<20)
	events := make([]*event.Event, 50)
	var all sync.WaitGroup
	for i := range events {
		all.Go(func() { events[i], _ = log.Event(t.Context(), seq) })
	}
	all.Wait()
	for _, e := range events {
		if e == nil || e != events[0] || e.ID != "e1" {
			t.Fatalf("got %+v and %+v", events[0], e)
		}
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	js := stream(t)
	first, second := store(t, js, "e1"), store(t, js, "e2")
	log := eventlog.New(js, 150) // room for one
	read := func(seq uint64) *event.Event {
		e, err := log.Event(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	a := read(first)
	if read(first) != a {
		t.Error("what was read last was not kept")
	}
	read(second)
	if again := read(first); again == a || again.ID != "e1" {
		t.Error("more was kept than there is room for")
	}
}

func TestAnEventThatRetentionRemovedIsNotFound(t *testing.T) {
	js := stream(t)
	seq := store(t, js, "e1")
	s, err := js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.New(js, 1<<20).Event(t.Context(), seq); fault.KindOf(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestABrokenEventIsInvalid(t *testing.T) {
	js := stream(t)
	ack, err := js.Publish(t.Context(), subject.Event(0, "acme", "x"), []byte("{"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eventlog.New(js, 1<<20).Event(t.Context(), ack.Sequence); fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestALogWithoutServerIsUnavailable(t *testing.T) {
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	srv.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := eventlog.New(js, 1<<20).Event(ctx, 1); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func BenchmarkEvent(b *testing.B) {
	srv := natstest.Start(b)
	js := srv.JetStream(b)
	if _, err := js.CreateStream(context.Background(), topology.Streams(topology.Defaults())[2]); err != nil {
		b.Fatal(err)
	}
	e := event.Event{ID: "e", Type: "x", Owner: "acme", Time: time.Unix(1, 0).UTC(), Data: event.Values{"Invoice.Id": event.Str("1")}}
	data, _ := e.Encode()
	for range 1000 {
		if _, err := js.Publish(context.Background(), subject.Event(0, "acme", "x"), data); err != nil {
			b.Fatal(err)
		}
	}
	log := eventlog.New(js, 0)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for seq := uint64(0); p.Next(); seq++ {
			if _, err := log.Event(context.Background(), seq%1000+1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
