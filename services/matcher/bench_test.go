package matcher

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 2

// bench is a server with the streams, and what acts for ingest and for the
// use cases that configure.
type bench struct {
	srv       *natstest.Server
	js        jetstream.JetStream
	catalogue *tokens.Catalogue
	events    int
}

func start(t *testing.T) *bench {
	t.Helper()
	b := &bench{srv: natstest.Start(t, natstest.WithConfig(t, permissiontest.Config()))}
	b.js = b.srv.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, b.js, topologytest.WithPartitions(partitions))
	var err error
	if b.catalogue, err = tokens.Load(); err != nil {
		t.Fatal(err)
	}
	return b
}

// partOf stands in for the server's choice.
func partOf(owner string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(owner))
	return int(h.Sum32() % partitions)
}

// accept stores an event as ingest does and returns its sequence.
func (b *bench) accept(t *testing.T, e event.Event) uint64 {
	t.Helper()
	b.events++
	e.ID = fmt.Sprintf("evt_%d", b.events)
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	ack, err := b.js.Publish(t.Context(), subject.Event(partOf(e.Owner), e.Owner, e.Type), data)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

// last returns the last sequence of EVENTS.
func (b *bench) last(t *testing.T) uint64 {
	t.Helper()
	s, err := b.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// change changes a subscription as the use cases do: seq is the last sequence
// of EVENTS, read before; what is stored may come much later.
func (b *bench) change(t *testing.T, owner, id string, do func(*subscription.Subscription) error) *subscription.Subscription {
	t.Helper()
	kv := bucket.Open(b.js, topology.Subscriptions)
	e, err := kv.Get(t.Context(), setup.Key(owner, id))
	if err != nil {
		t.Fatal(err)
	}
	s := &subscription.Subscription{}
	if e.Exists() {
		if err := json.Unmarshal(e.Value, s); err != nil {
			t.Fatal(err)
		}
	}
	s.Stored = e.Revision
	if err := do(s); err != nil {
		t.Fatal(err)
	}
	value, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if s.Stored, err = kv.Put(t.Context(), e.Key, value, e.Revision); err != nil {
		t.Fatal(err)
	}
	return s
}

// put makes spec the subscription's from seq on.
func (b *bench) put(t *testing.T, owner string, spec subscription.Spec, seq uint64) *subscription.Subscription {
	t.Helper()
	return b.change(t, owner, spec.ID, func(s *subscription.Subscription) error {
		return s.Revise(spec, subscription.Moment{Seq: seq, At: time.Now()})
	})
}

func webhook(id string, events ...string) subscription.Spec {
	return subscription.Spec{ID: id, Events: events, Channel: delivery.Webhook, Order: subscription.Unordered}
}

// instance is a running matcher with its own connection.
type instance struct {
	conn *nats.Conn
	stop context.CancelFunc
	done chan struct{}
	once sync.Once
	// dead is closed when the instance crashed.
	dead chan struct{}
}

// run starts a matcher that calls fault at its fault points.
func (b *bench) run(t *testing.T, fault func(*instance, string)) *instance {
	t.Helper()
	i := &instance{conn: b.srv.Conn(t, permissiontest.As(permission.Matcher)...), done: make(chan struct{}), dead: make(chan struct{})}
	js, err := jetstream.New(i.conn)
	if err != nil {
		t.Fatal(err)
	}
	logger := zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel)
	d, err := directory.Watch(t.Context(), directory.Settings{
		JetStream: js, Buckets: []string{topology.Subscriptions}, Catalogue: b.catalogue, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Lease: 2 * time.Second, Batch: 7}, Deps{
		JetStream: js, Catalogue: b.catalogue, Directory: d, Logger: logger, Now: time.Now,
		Instance: "test", Partitions: partitions, Fault: func(point string) { fault(i, point) },
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	i.stop = stop
	go func() {
		defer close(i.done)
		defer d.Close()
		_ = s.Run(ctx)
	}()
	t.Cleanup(i.end)
	return i
}

// crash ends the instance as a power cut does: nothing more is written, the
// leases stay.
func (i *instance) crash() {
	i.once.Do(func() {
		i.conn.Close()
		i.stop()
		close(i.dead)
	})
}

// end stops the instance in order and waits.
func (i *instance) end() {
	i.stop()
	<-i.done
}

// free gives back what a crashed instance held, as time does.
func (b *bench) free(t *testing.T) {
	t.Helper()
	s, err := b.js.Stream(t.Context(), topology.BucketStream(topology.Leases))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// stored is a delivery with its place in DELIVERIES.
type stored struct {
	delivery.Reference
	channel delivery.Channel
}

// await reads DELIVERIES from the beginning, and on, until enough says so.
func (b *bench) await(t *testing.T, enough func([]stored) bool) []stored {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	c, err := b.js.CreateConsumer(ctx, topology.Deliveries, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err != nil {
		t.Fatal(err)
	}
	var all []stored
	for !enough(all) {
		batch, err := c.Fetch(100, jetstream.FetchMaxWait(100*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			var s stored
			if err := json.Unmarshal(m.Data(), &s.Reference); err != nil {
				t.Fatal(err)
			}
			to, err := subject.ParseDelivery(m.Subject())
			if err != nil || to.Part != partOf(s.Owner) || to.Owner != s.Owner || to.Subscription != s.Subscription {
				t.Fatalf("delivery %+v on %s: %v", s, m.Subject(), err)
			}
			s.channel = to.Channel
			all = append(all, s)
		}
		if ctx.Err() != nil {
			t.Fatalf("gave up waiting with %d deliveries", len(all))
		}
	}
	return all
}

func none(*instance, string) {}
