package cursor_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/lease"
	"github.com/billhook/billhook/streams/topology"
)

// gate is a handler that stops before it returns, the first time.
type gate struct {
	handler
	reached, open chan struct{}
}

func newGate() *gate {
	g := &gate{reached: make(chan struct{}), open: make(chan struct{})}
	first := true
	g.handle = func(_ context.Context, _ *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if first {
			first = false
			close(g.reached)
			<-g.open
		}
		return echo(msgs), nil
	}
	return g
}

func TestAStaleHolderIsRefusedOnceAnotherHasWritten(t *testing.T) {
	r := newRig(t)
	g := newGate()
	stale := r.start(g)
	r.publish("src.a", bodies(1, 3)...)
	<-g.reached
	// The lease ends without the holder's knowing, as in a long pause.
	r.expireLease()
	fresh := r.start(handler{})
	r.expectWritten(bodies(1, 3))
	close(g.open)
	r.eventually("the stale holder gives up", func() bool { return !stale.Held() })
	r.publish("src.a", "4")
	r.expectWritten(bodies(1, 4))
	if !fresh.Held() {
		t.Fatal("the fresh holder lost its lease to the stale one")
	}
}

func TestALateWriteOfAStaleHolderIsNotRepeatedByTheFreshOne(t *testing.T) {
	r := newRig(t)
	g := newGate()
	r.start(g)
	r.publish("src.a", bodies(1, 3)...)
	<-g.reached
	r.expireLease()
	// The fresh holder has read where to go on, but not written yet, when the
	// stale one writes the same.
	fresh := newGate()
	r.start(fresh)
	<-fresh.reached
	close(g.open)
	r.eventually("the stale holder wrote", func() bool { return len(r.written()) > 0 })
	close(fresh.open)
	r.publish("src.a", "4")
	r.expectWritten(bodies(1, 4))
}

func TestWorkEndsWhenTheLeaseIsLost(t *testing.T) {
	r := newRig(t)
	cause := make(chan error, 1)
	h := handler{handle: func(ctx context.Context, _ *cursor.Session, _ []cursor.Message) ([]cursor.Step, error) {
		<-ctx.Done()
		select {
		case cause <- context.Cause(ctx):
		default:
		}
		return nil, ctx.Err()
	}}
	i := r.start(h, func(c *cursor.Config) { c.LeaseTTL = 2 * time.Second })
	r.publish("src.a", "1")
	r.eventually("the lease is held", i.Held)
	// Somebody else has the key now.
	_, err := r.js.Publish(r.ctx(), topology.BucketKey(topology.Leases, name), []byte("other"))
	r.must(err)
	select {
	case err := <-cause:
		if !errors.Is(err, lease.ErrLost) {
			t.Fatalf("work ended for %v, want %v", err, lease.ErrLost)
		}
	case <-r.ctx().Done():
		t.Fatal("work went on")
	}
	r.eventually("the holder knows", func() bool { return !i.Held() })
}

func TestAHolderWhoseCheckpointWasTakenStops(t *testing.T) {
	r := newRig(t)
	refused := make(chan error, 1)
	h := handler{handle: func(ctx context.Context, s *cursor.Session, msgs []cursor.Message) ([]cursor.Step, error) {
		if s.Epoch() == 1 {
			r.bumpEpoch(7)
			err := s.Checkpoint(ctx)
			refused <- err
		}
		return echo(msgs), nil
	}}
	r.publish("src.a", "1")
	r.start(h)
	if err := <-refused; !errors.Is(err, cursor.ErrStale) {
		t.Fatalf("checkpoint gave %v, want %v", err, cursor.ErrStale)
	}
	// It takes over again, with an epoch beyond the conflicting one.
	r.expectWritten([]string{"1"})
	str, err := r.js.Stream(r.ctx(), sink)
	r.must(err)
	m, err := str.GetLastMsgForSubject(r.ctx(), sinkFilter)
	r.must(err)
	if got := m.Header.Get(topology.HeaderEpoch); got != "8" {
		t.Fatalf("output has epoch %s, want 8", got)
	}
}

// bumpEpoch stores a checkpoint as another holder would.
func (r *rig) bumpEpoch(epoch uint64) {
	r.t.Helper()
	kv, err := r.js.KeyValue(r.ctx(), topology.Checkpoints)
	r.must(err)
	e, err := kv.Get(r.ctx(), name)
	r.must(err)
	var m map[string]any
	r.must(json.Unmarshal(e.Value(), &m))
	m["epoch"] = epoch
	b, err := json.Marshal(m)
	r.must(err)
	_, err = kv.Update(r.ctx(), name, b, e.Revision())
	r.must(err)
}

func TestEpochsGrowEvenWhenTheCheckpointIsGone(t *testing.T) {
	r := newRig(t)
	first := r.start(handler{})
	r.publish("src.a", bodies(1, 3)...)
	r.expectWritten(bodies(1, 3))
	first.halt()
	kv, err := r.js.KeyValue(r.ctx(), topology.Checkpoints)
	r.must(err)
	r.must(kv.Purge(r.ctx(), name))
	// The newest output says all that is needed.
	r.publish("src.a", "4")
	r.start(handler{})
	r.expectWritten(bodies(1, 4))
}

func TestNoTwoHoldersHaveTheSameEpoch(t *testing.T) {
	r := newRig(t)
	// The lease lets everybody in, all the time.
	racing, stop := context.WithCancel(r.ctx())
	defer stop()
	go func() {
		for racing.Err() == nil {
			_ = r.forgetLease(racing)
		}
	}()
	var mu sync.Mutex
	epochs := map[uint64]int{}
	h := handler{begin: func(_ context.Context, s *cursor.Session) error {
		mu.Lock()
		defer mu.Unlock()
		epochs[s.Epoch()]++
		return errors.New("again")
	}}
	for range 8 {
		r.start(h)
	}
	r.eventually("many take-overs", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(epochs) > 40
	})
	mu.Lock()
	defer mu.Unlock()
	for epoch, n := range epochs {
		if n > 1 {
			t.Errorf("%d holders have epoch %d", n, epoch)
		}
	}
}

func TestADuplicateIsDroppedAndReportedAndTheRestStaysInOrder(t *testing.T) {
	for _, c := range []struct {
		name  string
		count int
	}{{"few, stored singly", 6}, {"many, stored as a batch", 400}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			dropped := make(chan string, 10)
			h := handler{handle: identified}
			// Stored before the cursor knows of it.
			_, err := r.js.Publish(r.ctx(), "out.2.x", []byte("early"), jetstream.WithMsgID("3"))
			r.must(err)
			r.publish("src.a", bodies(1, c.count)...)
			r.publish("src.a", "2")
			r.publish("src.a", "end")
			i := r.start(h, func(cfg *cursor.Config) {
				cfg.OnDuplicate = func(o cursor.Output) { dropped <- o.MsgID }
			})
			want := []string{"early", "1", "2"}
			want = append(want, bodies(4, c.count)...)
			r.expectWritten(append(want, "end"))
			i.halt()
			close(dropped)
			var got []string
			for id := range dropped {
				got = append(got, id)
			}
			if len(got) != 2 || got[0] != "3" || got[1] != "2" {
				t.Fatalf("dropped %v, want [3 2]", got)
			}
		})
	}
}
