package gather_test

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

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server, a stream, and a running gatherer.
type rig struct {
	ctx  func() context.Context
	srv  *natstest.Server
	js   jetstream.JetStream
	g    *gather.Gatherer
	stop func()
}

func setup(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	return setupWith(t, gather.New, opts...)
}

func setupWith(t testing.TB, open func(jetstream.JetStream, string) *gather.Gatherer, opts ...natstest.Option) *rig {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	srv := natstest.Start(t, opts...)
	js := srv.JetStream(t)
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "OUT", Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true,
		MaxMsgSize: 64 << 10, MaxMsgs: 500_000, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{ctx: func() context.Context { return ctx }, srv: srv, js: js, g: open(js, "OUT")}
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.g.Run(running); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	r.stop = func() {
		stop()
		<-done
	}
	t.Cleanup(r.stop)
	return r
}

func msg(body string) *nats.Msg { return &nats.Msg{Subject: "out.a", Data: []byte(body)} }

// body returns what the stream has at a sequence.
func (r *rig) body(t testing.TB, seq uint64) string {
	t.Helper()
	str, err := r.js.Stream(r.ctx(), "OUT")
	if err != nil {
		t.Fatal(err)
	}
	m, err := str.GetMsg(r.ctx(), seq)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

func TestEveryPublisherGetsTheSequenceOfItsMessage(t *testing.T) {
	for name, opts := range map[string][]natstest.Option{
		"singles, mostly": nil, "batches, mostly": {natstest.WithSyncAlways()},
	} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, opts...)
			const publishers, each = 100, 10
			var mu sync.Mutex
			seqs := map[uint64]string{}
			var wg sync.WaitGroup
			for p := range publishers {
				wg.Go(func() {
					for i := range each {
						body := fmt.Sprintf("%d/%d", p, i)
						seq, err := r.g.Publish(r.ctx(), msg(body))
						if err != nil {
							t.Errorf("publish %s: %v", body, err)
							return
						}
						mu.Lock()
						seqs[seq] = body
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			if len(seqs) != publishers*each {
				t.Fatalf("%d sequences for %d messages", len(seqs), publishers*each)
			}
			for seq, body := range seqs {
				if got := r.body(t, seq); got != body {
					t.Fatalf("sequence %d holds %q, its publisher wrote %q", seq, got, body)
				}
			}
		})
	}
}

func TestABadMessageFailsAlone(t *testing.T) {
	for name, opts := range map[string][]natstest.Option{"singles": nil, "batches": {natstest.WithSyncAlways()}} {
		t.Run(name, func(t *testing.T) {
			r := setup(t, opts...)
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() {
					m := msg(fmt.Sprint(i))
					if i == 77 {
						m.Data = make([]byte, 65<<10)
					}
					_, err := r.g.Publish(r.ctx(), m)
					if i == 77 && fault.KindOf(err) != fault.Invalid {
						t.Errorf("the bad message got %v, want a refusal", err)
					}
					if i != 77 && err != nil {
						t.Errorf("message %d: %v", i, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestAFullStreamIsExhausted(t *testing.T) {
	r := setup(t)
	_, err := r.js.UpdateStream(r.ctx(), jetstream.StreamConfig{
		Name: "OUT", Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true,
		MaxMsgSize: 64 << 10, MaxMsgs: 1, Discard: jetstream.DiscardNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.g.Publish(r.ctx(), msg("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.g.Publish(r.ctx(), msg("2")); fault.KindOf(err) != fault.Exhausted {
		t.Fatalf("error %v, want exhausted", err)
	}
}

func TestWhatWasAcceptedIsStoredAtTheEnd(t *testing.T) {
	r := setup(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored := 0
	for i := range 500 {
		wg.Go(func() {
			_, err := r.g.Publish(r.ctx(), msg(fmt.Sprint(i)))
			if err != nil && !errors.Is(err, gather.ErrStopped) {
				t.Errorf("publish: %v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				stored++
			}
		})
	}
	r.stop()
	wg.Wait()
	str, err := r.js.Stream(r.ctx(), "OUT")
	if err != nil {
		t.Fatal(err)
	}
	if got := str.CachedInfo().State.Msgs; got != uint64(stored) {
		t.Fatalf("%d messages stored, %d publishers were told so", got, stored)
	}
	if _, err := r.g.Publish(r.ctx(), msg("late")); !errors.Is(err, gather.ErrStopped) {
		t.Fatalf("a late publisher got %v, want %v", err, gather.ErrStopped)
	}
}

func TestAPublisherLeavesWithItsContext(t *testing.T) {
	r := setup(t)
	r.srv.Stop()
	ctx, cancel := context.WithTimeout(r.ctx(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.g.Publish(ctx, msg("1")); err == nil {
		t.Fatalf("published without a server")
	}
	r.srv.Resume(t)
}

func TestPublishAllKeepsTheOrder(t *testing.T) {
	r := setup(t)
	var group []*nats.Msg
	for i := range 1300 {
		group = append(group, msg(fmt.Sprint(i)))
	}
	if err := r.g.PublishAll(r.ctx(), group); err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 499, 500, 1299} {
		if got := r.body(t, uint64(i+1)); got != fmt.Sprint(i) {
			t.Errorf("sequence %d holds %s", i+1, got)
		}
	}
}

// BenchmarkPublish compares gathered publishing by 64 goroutines with every
// one of them publishing for itself.
func BenchmarkPublish(b *testing.B) {
	const publishers = 64
	for _, sync := range []struct {
		name string
		opts []natstest.Option
	}{{"interval", nil}, {"always", []natstest.Option{natstest.WithSyncAlways()}}} {
		for _, way := range []string{"singly", "gathered", "joined"} {
			b.Run("sync="+sync.name+"/"+way, func(b *testing.B) {
				open := gather.New
				if way == "joined" {
					open = gather.NewJoining
				}
				r := setupWith(b, open, sync.opts...)
				publish := func() error {
					_, err := r.g.Publish(r.ctx(), msg("0123456789"))
					return err
				}
				if way == "singly" {
					publish = func() error {
						_, err := r.js.PublishMsg(r.ctx(), msg("0123456789"))
						return err
					}
				}
				b.ResetTimer()
				b.SetParallelism(publishers / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := publish(); err != nil {
							b.Error(err)
							return
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
			})
		}
	}
}
