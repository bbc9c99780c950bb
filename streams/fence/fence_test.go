package fence_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/natstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var guarded = fence.Fence{Stream: "OUT", Filter: "out.1.>"}

// world is a server with the fenced stream.
type world struct {
	t   *testing.T
	ctx func() context.Context
	srv *natstest.Server
	js  jetstream.JetStream
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	srv := natstest.Start(t)
	w := &world{t: t, ctx: func() context.Context { return ctx }, srv: srv, js: srv.JetStream(t)}
	_, err := w.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: "OUT", Subjects: []string{"out.>"}, AllowAtomicPublish: true, AllowDirect: true, MaxMsgSize: 64 << 10,
	})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// msgs returns messages with the bodies from..to, with their body as id where
// identified.
func msgs(from, to int, identified bool) []*nats.Msg {
	var out []*nats.Msg
	for i := from; i <= to; i++ {
		m := nats.NewMsg("out.1.x")
		m.Data = fmt.Append(nil, i)
		if identified {
			m.Header.Set(jetstream.MsgIDHeader, string(m.Data))
		}
		out = append(out, m)
	}
	return out
}

// stored returns the bodies inside the fence.
func (w *world) stored() []string {
	w.t.Helper()
	str, err := w.js.Stream(w.ctx(), "OUT")
	w.must(err)
	var out []string
	state := str.CachedInfo().State
	for seq := max(state.FirstSeq, 1); seq <= state.LastSeq; seq++ {
		m, err := str.GetMsg(w.ctx(), seq)
		w.must(err)
		if m.Subject == "out.1.x" {
			out = append(out, string(m.Data))
		}
	}
	return out
}

func (w *world) expect(from, to int) {
	w.t.Helper()
	var want []string
	for i := from; i <= to; i++ {
		want = append(want, fmt.Sprint(i))
	}
	if got := w.stored(); !slices.Equal(got, want) {
		w.t.Fatalf("stored %v, want %v", got, want)
	}
}

func TestWritesOfEverySizeAreStoredInOrder(t *testing.T) {
	w := newWorld(t)
	writer := fence.New(w.js, guarded, 1, 0)
	at := 0
	for _, n := range []int{1, 3, 17, 40, 200, 1, 700} {
		_, err := writer.Write(w.ctx(), msgs(at+1, at+n, false))
		w.must(err)
		at += n
		// Others write next to the fence all the time.
		_, err = w.js.Publish(w.ctx(), "out.2.x", nil)
		w.must(err)
	}
	w.expect(1, at)
	newest, err := fence.Read(w.ctx(), w.js, guarded)
	w.must(err)
	if newest.Seq != writer.Last() || newest.Epoch != 1 || newest.Number != uint64(at) {
		t.Fatalf("newest %+v, writer knows %d", newest, writer.Last())
	}
}

func TestAWriterIsRefusedAfterAnotherWrote(t *testing.T) {
	for _, n := range []int{1, 5, 150} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			stale, fresh := fence.New(w.js, guarded, 1, 0), fence.New(w.js, guarded, 2, 0)
			_, err := fresh.Write(w.ctx(), msgs(1, 2, false))
			w.must(err)
			_, err = stale.Write(w.ctx(), msgs(1, n, false))
			if !errors.Is(err, fence.ErrFenced) || fault.KindOf(err) != fault.Conflict {
				t.Fatalf("stale write gave %v, want %v", err, fence.ErrFenced)
			}
			w.expect(1, 2)
		})
	}
}

func TestAgedMessagesInsideTheFenceAreNoOtherWriter(t *testing.T) {
	w := newWorld(t)
	writer := fence.New(w.js, guarded, 1, 0)
	_, err := writer.Write(w.ctx(), msgs(1, 3, false))
	w.must(err)
	str, err := w.js.Stream(w.ctx(), "OUT")
	w.must(err)
	w.must(str.Purge(w.ctx()))
	_, err = writer.Write(w.ctx(), msgs(4, 30, false))
	w.must(err)
	w.expect(4, 30)
}

func TestARefusedMessageIsAnErrorAndNothingBehindItIsStored(t *testing.T) {
	for _, c := range []struct{ count, bad, kept int }{{5, 3, 2}, {200, 101, 100}} {
		w := newWorld(t)
		group := msgs(1, c.count, false)
		group[c.bad-1].Data = make([]byte, 65<<10)
		_, err := fence.New(w.js, guarded, 1, 0).Write(w.ctx(), group)
		if fault.KindOf(err) != fault.Invalid {
			t.Fatalf("error %v is no refusal", err)
		}
		w.expect(1, c.kept)
	}
}

func TestDuplicatesAreFoundWhereverTheyAre(t *testing.T) {
	for _, c := range []struct {
		name  string
		known []int // stored before by another connection
		group []int
		drops []int // indexes
	}{
		{"in a small group", []int{2}, []int{1, 2, 3}, []int{1}},
		{"several in a batch", []int{4, 5, 77}, sequence(1, 200), []int{3, 4, 76}},
		{"all of a batch", sequence(1, 140), sequence(1, 140), sequence(0, 139)},
		{"twice in one group", nil, append(sequence(1, 150), 7), []int{150}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			for _, n := range c.known {
				_, err := w.js.Publish(w.ctx(), "out.2.x", nil, jetstream.WithMsgID(fmt.Sprint(n)))
				w.must(err)
			}
			var group []*nats.Msg
			var want []string
			for i, n := range c.group {
				group = append(group, msgs(n, n, true)...)
				if !slices.Contains(c.drops, i) {
					want = append(want, fmt.Sprint(n))
				}
			}
			drops, err := fence.New(w.js, guarded, 1, 0).Write(w.ctx(), group)
			w.must(err)
			if !slices.Equal(drops, c.drops) {
				t.Errorf("dropped %v, want %v", drops, c.drops)
			}
			if got := w.stored(); !slices.Equal(got, want) {
				t.Errorf("stored %v, want %v", got, want)
			}
		})
	}
}

func sequence(from, to int) []int {
	var out []int
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

// cutter is a connection that breaks right after it has sent a certain text,
// so that the answer to it is lost.
type cutter struct {
	net.Conn
	text  []byte
	armed *atomic.Int32
}

func (c *cutter) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Contains(b, c.text) && c.armed.Add(-1) >= 0 {
		_ = c.Conn.Close()
	}
	return n, err
}

type cuttingDialer struct {
	text  []byte
	armed *atomic.Int32
}

func (d cuttingDialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	return &cutter{c, d.text, d.armed}, nil
}

func TestAWriteWhoseAnswerIsLostIsStoredOnce(t *testing.T) {
	for _, c := range []struct {
		name       string
		count      int
		text       string
		identified bool
	}{
		{"a single", 1, "PUB out.1.x", false},
		{"a single with an id", 1, "PUB out.1.x", true},
		{"the second of few", 5, "Billhook-Write: 2\r\n", false},
		{"the commit of a batch", 200, "Nats-Batch-Commit", false},
		{"the commit of a batch with ids", 200, "Nats-Batch-Commit", true},
		{"inside of a batch", 400, "Billhook-Write: 50\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			armed := &atomic.Int32{}
			nc := w.srv.Conn(t, nats.SetCustomDialer(cuttingDialer{[]byte(c.text), armed}))
			js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(300*time.Millisecond))
			w.must(err)
			armed.Store(2)
			drops, err := fence.New(js, guarded, 1, 0).Write(w.ctx(), msgs(1, c.count, c.identified))
			w.must(err)
			if armed.Load() >= 2 {
				t.Fatal("nothing was cut")
			}
			if len(drops) > 0 {
				t.Errorf("its own messages dropped as duplicates: %v", drops)
			}
			w.expect(1, c.count)
		})
	}
}

func TestAWriteGivesUpWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.srv.Stop()
	ctx, cancel := context.WithTimeout(w.ctx(), 100*time.Millisecond)
	defer cancel()
	_, err := fence.New(w.js, guarded, 1, 0).Write(ctx, msgs(1, 1, false))
	if fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("error %v, want unavailable", err)
	}
}
