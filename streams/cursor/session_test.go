package cursor_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/topology"
)

func TestStateOutlivesItsHolder(t *testing.T) {
	r := newRig(t)
	counting := handler{handle: func(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		var n int
		if len(s.State()) > 0 {
			if err := json.Unmarshal(s.State(), &n); err != nil {
				return nil, err
			}
		}
		b, err := json.Marshal(n + len(msgs))
		s.SetState(b)
		return echo(msgs), errors.Join(err, s.Checkpoint(ctx))
	}}
	first := r.start(counting)
	r.publish("src.a", bodies(1, 5)...)
	r.expectWritten(bodies(1, 5))
	first.halt()
	state := make(chan string, 1)
	counting.begin = func(_ context.Context, s *cursor.Session) error {
		state <- string(s.State())
		return nil
	}
	second := r.start(counting)
	if got := <-state; got != "5" {
		t.Fatalf("state %q, want 5", got)
	}
	r.eventually("the second holds", second.Held)
}

func TestWakingRunsBetweenBatchesAndMayWrite(t *testing.T) {
	r := newRig(t)
	wake := make(chan struct{}, 1)
	var failures atomic.Int32
	h := handler{woken: func(ctx context.Context, s *cursor.Session) error {
		if failures.Add(1) == 1 {
			return errors.New("not yet")
		}
		return s.Write(ctx, []cursor.Output{output("woken")})
	}}
	i := r.start(h, func(c *cursor.Config) { c.Wake = wake })
	r.publish("src.a", "1")
	r.expectWritten([]string{"1"})
	wake <- struct{}{}
	r.expectWritten([]string{"1", "woken"})
	r.publish("src.a", "2")
	r.expectWritten([]string{"1", "woken", "2"})
	// What was written while waking says how far the reading had come.
	r.eventually("the position is stored", func() bool { return r.position() == 2 })
	i.halt()
	r.start(handler{})
	r.publish("src.a", "3")
	r.expectWritten([]string{"1", "woken", "2", "3"})
}

func TestWakingHelpsAHandlerThatWaitsForIt(t *testing.T) {
	r := newRig(t)
	wake := make(chan struct{}, 1)
	var known atomic.Bool
	asked := make(chan struct{}, 100)
	h := handler{
		handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
			asked <- struct{}{}
			if !known.Load() {
				return nil, errors.New("unknown")
			}
			return echo(msgs), nil
		},
		woken: func(context.Context, *cursor.Session) error { known.Store(true); return nil },
	}
	r.start(h, func(c *cursor.Config) { c.Wake = wake })
	r.publish("src.a", "1")
	<-asked
	wake <- struct{}{}
	r.expectWritten([]string{"1"})
}

func TestOutputsSayWhatTheyWereMadeFrom(t *testing.T) {
	r := newRig(t)
	r.start(fan(2))
	r.publish("src.a", "1", "2")
	r.expectWritten(append(fannedBodies("1", 2), fannedBodies("2", 2)...))
	str, err := r.js.Stream(r.ctx(), sink)
	r.must(err)
	m, err := str.GetMsg(r.ctx(), 4)
	r.must(err)
	for name, want := range map[string]string{
		topology.HeaderSource: "2", topology.HeaderIndex: "2/2", topology.HeaderEpoch: "1", topology.HeaderWrite: "4",
	} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestHeadersThatMeanSomethingAreNotTakenFromAHandler(t *testing.T) {
	r := newRig(t)
	evil := nats.Header{
		"Nats-Expected-Last-Sequence": {"99"}, "nats-batch-commit": {"1"}, "Nats-TTL": {"1s"}, "Nats-Rollup": {"all"},
		topology.HeaderEpoch: {"77"}, "billhook-source": {"99"}, "Trace": {"kept"},
	}
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		steps := echo(msgs)
		for i := range steps {
			steps[i].Outputs[0].Header = evil
		}
		return steps, nil
	}}
	r.publish("src.a", "1", "2")
	r.start(h)
	r.expectWritten(bodies(1, 2))
	str, err := r.js.Stream(r.ctx(), sink)
	r.must(err)
	m, err := str.GetMsg(r.ctx(), 2)
	r.must(err)
	want := nats.Header{
		topology.HeaderSource: {"2"}, topology.HeaderIndex: {"1/1"}, topology.HeaderEpoch: {"1"}, topology.HeaderWrite: {"2"},
		"Trace": {"kept"},
	}
	for _, server := range []string{
		jetstream.ExpectedLastSubjSeqHeader, jetstream.ExpectedLastSubjSeqSubjHeader,
		"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp",
	} {
		m.Header.Del(server)
	}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestACursorWithoutAFenceReadsButMustNotWrite(t *testing.T) {
	r := newRig(t)
	unfenced := func(c *cursor.Config) { c.Fence = fence.Fence{} }
	seen := make(chan string, 10)
	h := handler{handle: func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		for _, m := range msgs {
			seen <- string(m.Data)
		}
		return make([]cursor.Step, len(msgs)), nil
	}}
	first := r.start(h, unfenced)
	r.publish("src.a", "1", "2")
	if a, b := <-seen, <-seen; a != "1" || b != "2" {
		t.Fatalf("read %s and %s", a, b)
	}
	r.eventually("the position is stored", func() bool { return r.position() == 2 })
	first.halt()
	r.publish("src.a", "3")
	tried := make(chan struct{}, 100)
	h.handle = func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		tried <- struct{}{}
		return echo(msgs), nil
	}
	r.start(h, unfenced)
	<-tried
	<-tried // refused, and tried again
	if got := r.written(); len(got) > 0 {
		t.Fatalf("written without a fence: %v", got)
	}
}
