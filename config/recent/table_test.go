package recent_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/recent"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a table with its server, and a clock set by hand.
type bench struct {
	srv   *natstest.Server
	js    jetstream.JetStream
	table *recent.Table[int]
	clock atomic.Int64
	// decoded counts the values that were taken in.
	decoded atomic.Int64
}

func start(t *testing.T, size int) *bench {
	t.Helper()
	b := &bench{srv: natstest.Start(t)}
	b.js = b.srv.JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name == topology.BucketStream(topology.Accounts) {
			if _, err := b.js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	var err error
	b.table, err = recent.Open(t.Context(), recent.Settings{
		JetStream: b.js, Bucket: topology.Accounts, Size: size, MaxAge: time.Minute,
		Now:    func() time.Time { return time.Unix(b.clock.Load(), 0) },
		Logger: zerolog.New(zerolog.NewTestWriter(t)),
	}, func(_ string, value []byte) (int, error) {
		b.decoded.Add(1)
		return strconv.Atoi(string(value))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.table.Close)
	return b
}

// put writes whatever is there and returns the revision.
func put(t *testing.T, js jetstream.JetStream, key string, n int) {
	t.Helper()
	kv := bucket.Open(js, topology.Accounts)
	e, err := kv.Get(t.Context(), key)
	if fault.KindOf(err) == fault.Unavailable {
		e, err = kv.Get(t.Context(), key) // the first request went down with the connection
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), key, []byte(strconv.Itoa(n)), e.Revision); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) get(t *testing.T, key string) (int, bool) {
	t.Helper()
	n, ok, err := b.table.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return n, ok
}

// until asks until the answer is the wanted one; the watch brings it.
func (b *bench) until(t *testing.T, key string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		n, _, err := b.table.Get(ctx, key)
		if err == nil && n == want {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never became %d", key, want)
		case <-tick.C:
		}
	}
}

func TestAValueIsReadOnceAndFollowedThen(t *testing.T) {
	b := start(t, 10)
	put(t, b.js, "o.a", 1)
	for range 5 {
		if n, ok := b.get(t, "o.a"); n != 1 || !ok {
			t.Fatalf("got %d, %v", n, ok)
		}
	}
	if b.decoded.Load() != 1 {
		t.Errorf("read %d times", b.decoded.Load())
	}
	put(t, b.js, "o.a", 2)
	b.until(t, "o.a", 2)
}

func TestThatAKeyIsMissingIsRememberedUntilItComes(t *testing.T) {
	b := start(t, 10)
	if _, ok := b.get(t, "o.a"); ok {
		t.Fatal("found")
	}
	put(t, b.js, "o.a", 3)
	b.until(t, "o.a", 3)
	kv := bucket.Open(b.js, topology.Accounts)
	e, err := kv.Get(t.Context(), "o.a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Delete(t.Context(), "o.a", e.Revision); err != nil {
		t.Fatal(err)
	}
	b.until(t, "o.a", 0)
}

func TestTheTableKeepsItsSize(t *testing.T) {
	b := start(t, 3)
	for i := range 6 {
		put(t, b.js, name(i), i)
		b.get(t, name(i))
	}
	before := b.decoded.Load()
	b.get(t, name(5))
	b.get(t, name(3))
	if b.decoded.Load() != before {
		t.Error("one of the last three was forgotten")
	}
	b.get(t, name(0))
	if b.decoded.Load() == before {
		t.Error("the oldest was remembered")
	}
}

func name(i int) string { return fmt.Sprintf("o.k%d", i) }

func TestAnOldValueIsReadAgain(t *testing.T) {
	b := start(t, 3)
	put(t, b.js, "o.a", 1)
	b.get(t, "o.a")
	b.clock.Add(59)
	b.get(t, "o.a")
	if b.decoded.Load() != 1 {
		t.Error("read again too early")
	}
	b.clock.Add(2)
	b.get(t, "o.a")
	if b.decoded.Load() != 2 {
		t.Error("believed for too long")
	}
}

func TestNothingOldIsBelievedAfterTheServerWasAway(t *testing.T) {
	b := start(t, 3)
	put(t, b.js, "o.a", 1)
	b.get(t, "o.a")
	writer := b.srv.JetStream(t, nats.ReconnectWait(time.Millisecond))
	b.srv.Restart(t)
	put(t, writer, "o.a", 2)
	b.until(t, "o.a", 2)
}

func TestAValueThatCannotBeReadFailsAndIsNotRemembered(t *testing.T) {
	b := start(t, 3)
	if _, err := bucket.Open(b.js, topology.Accounts).Put(t.Context(), "o.a", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.table.Get(t.Context(), "o.a"); err == nil {
		t.Fatal("no error")
	}
	put(t, b.js, "o.a", 7)
	b.until(t, "o.a", 7)
}

// TestAReaderNeverGoesBack has readers and a writer meet: what a reader sees
// only ever grows, and ends at the last value.
func TestAReaderNeverGoesBack(t *testing.T) {
	b := start(t, 2)
	const last = 300
	var wg sync.WaitGroup
	for r := range 4 {
		wg.Go(func() {
			seen := 0
			for seen < last {
				n, _, err := b.table.Get(t.Context(), "o.a")
				if err != nil || n < seen {
					t.Errorf("%d after %d, %v", n, seen, err)
					return
				}
				seen = n
				_, _, _ = b.table.Get(t.Context(), name(r)) // pushes o.a out now and then
			}
		})
	}
	for n := 1; n <= last; n++ {
		put(t, b.js, "o.a", n)
	}
	wg.Wait()
}
