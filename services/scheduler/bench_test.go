package scheduler

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/stored"
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

const partitions = 4

// bench is a server with the streams, the owner acme, and a stand-in for
// ingest that takes in whatever comes.
type bench struct {
	srv       *natstest.Server
	js        jetstream.JetStream
	catalogue *tokens.Catalogue
	zone      *time.Location
	events    int
	// late bounds the rate of late events; 0 hardly does.
	late int
	// hands is how many invoices are fired at once; 0 is 8.
	hands int
	// lease is that of the cursor; 0 is the shortest, since crashes wait for it.
	lease time.Duration
	// patience bounds every waiting; 0 is three minutes.
	patience time.Duration
}

func start(t *testing.T) *bench {
	t.Helper()
	b := startAlone(t)
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { b.ingest(ctx, t) })
	t.Cleanup(func() {
		stop()
		working.Wait()
	})
	return b
}

// startAlone is start without anybody who takes in what comes.
func startAlone(t *testing.T) *bench {
	t.Helper()
	b := &bench{srv: natstest.Start(t, natstest.WithConfig(t, permissiontest.Config())), zone: noonZone(t)}
	b.js = b.srv.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, b.js, topologytest.WithPartitions(partitions))
	var err error
	if b.catalogue, err = tokens.Load(); err != nil {
		t.Fatal(err)
	}
	b.write(t, topology.Owners, "acme", owner.Owner{ID: "acme", Name: "Acme", TimeZone: b.zone.String()})
	return b
}

// noonZone returns a zone in which it is about noon, so that no test runs over
// midnight.
func noonZone(t *testing.T) *time.Location {
	t.Helper()
	name := "UTC"
	if ahead := 12 - time.Now().UTC().Hour(); ahead != 0 {
		name = fmt.Sprintf("Etc/GMT%+d", -ahead) // the sign is turned round there
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// derive sets what the owner wants derived.
func (b *bench) derive(t *testing.T, d owner.Derive) {
	t.Helper()
	b.write(t, topology.Owners, "acme", owner.Owner{ID: "acme", Name: "Acme", TimeZone: b.zone.String(), Derive: d})
}

// write puts a value whatever is there.
func (b *bench) write(t *testing.T, name, key string, value any) {
	t.Helper()
	kv := bucket.Open(b.js, name)
	e, err := kv.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(value)
	if err == nil {
		_, err = kv.Put(t.Context(), key, data, e.Revision)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ingest moves what comes into the log, each id once.
func (b *bench) ingest(ctx context.Context, t *testing.T) {
	c, err := b.js.CreateConsumer(ctx, topology.Inbox, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	for err == nil && ctx.Err() == nil {
		var batch jetstream.MessageBatch
		if batch, err = c.Fetch(1, jetstream.FetchMaxWait(100*time.Millisecond)); err != nil {
			break
		}
		for m := range batch.Messages() {
			err = b.accept(ctx, m)
		}
	}
	if err != nil && ctx.Err() == nil {
		t.Errorf("stand-in for ingest: %v", err)
	}
}

func (b *bench) accept(ctx context.Context, m jetstream.Msg) error {
	from, err := subject.ParseInbox(m.Subject())
	if err != nil {
		return err
	}
	e := &event.Event{}
	if err := json.Unmarshal(m.Data(), e); err != nil {
		return err
	}
	e.Owner, e.Type = from.Owner, from.Type
	data, err := e.Encode()
	if err == nil {
		_, err = b.js.Publish(ctx, subject.Event(from.Part, e.Owner, e.Type), data, jetstream.WithMsgID(e.Owner+"/"+e.ID))
	}
	return err
}

// publish sends an event as the platform does and waits until it is accepted.
func (b *bench) publish(t *testing.T, eventType, invoice string) {
	t.Helper()
	b.publishData(t, eventType, event.Values{"Invoice.Id": event.Str(invoice)})
}

func (b *bench) publishData(t *testing.T, eventType string, values event.Values) {
	t.Helper()
	b.publishAt(t, eventType, time.Now(), values)
}

func (b *bench) publishAt(t *testing.T, eventType string, at time.Time, values event.Values) {
	t.Helper()
	b.events++
	before := b.last(t)
	e := &event.Event{ID: fmt.Sprint("evt_", b.events), Account: "a1", Time: at, Data: values}
	data, err := e.Encode()
	if err == nil {
		_, err = b.js.Publish(t.Context(), subject.Platform("acme", eventType), data)
	}
	if err != nil {
		t.Fatal(err)
	}
	b.until(t, func() bool { return b.last(t) > before })
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

func (b *bench) patiently() time.Duration { return cmp.Or(b.patience, 3*time.Minute) }

// until looks again and again until something is so.
func (b *bench) until(t *testing.T, so func() bool) {
	t.Helper()
	deadline, tick := time.After(b.patiently()), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatal("gave up waiting")
		case <-tick.C:
		}
	}
}

// subscribe makes a subscription for events that are due at a moment of today.
func (b *bench) subscribe(t *testing.T, id string, at time.Time) {
	t.Helper()
	b.change(t, id, func(s *subscription.Subscription, m subscription.Moment) error {
		return s.Revise(subscription.Spec{
			ID: id, Events: []string{subscription.DeliveryDatePlus}, Channel: delivery.Webhook,
			Schedule: &subscription.Schedule{Time: at.In(b.zone).Format(time.TimeOnly)},
		}, m)
	})
}

// change changes a subscription at the present moment.
func (b *bench) change(t *testing.T, id string, do func(*subscription.Subscription, subscription.Moment) error) {
	t.Helper()
	e, err := bucket.Open(b.js, topology.Subscriptions).Get(t.Context(), setup.Key("acme", id))
	s := &subscription.Subscription{Stored: e.Revision}
	if err == nil && e.Exists() {
		err = json.Unmarshal(e.Value, s)
	}
	if err == nil {
		err = do(s, subscription.Moment{Seq: b.last(t), At: time.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, topology.Subscriptions, e.Key, s)
}

// instance is a running scheduler with its own connection.
type instance struct {
	conn interface{ Close() }
	stop context.CancelFunc
	done chan struct{}
	dead chan struct{}
	once sync.Once
}

// run starts a scheduler that calls fault at its fault points, and waits until
// it works.
func (b *bench) run(t *testing.T, fault func(*instance, string)) *instance {
	t.Helper()
	conn := b.srv.Conn(t, permissiontest.As(permission.Scheduler)...)
	i := &instance{conn: conn, done: make(chan struct{}), dead: make(chan struct{})}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Watch(t.Context(), directory.Settings{
		JetStream: js, Buckets: Needs().Buckets, Catalogue: b.catalogue, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Lease: cmp.Or(b.lease, 2*time.Second), Grace: time.Second, Reconcile: time.Hour, InFlight: cmp.Or(b.hands, 8), LateRate: cmp.Or(b.late, 1000)}, Deps{
		JetStream: js, Catalogue: b.catalogue, Directory: d, Now: time.Now,
		Logger:   zerolog.New(zerolog.NewTestWriter(t)).Level(zerolog.ErrorLevel),
		Instance: "test", Fault: func(point string) { fault(i, point) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, i.stop = context.WithCancel(context.Background())
	go func() {
		defer close(i.done)
		defer d.Close()
		_ = s.Run(ctx)
	}()
	t.Cleanup(i.end)
	select {
	case <-s.Ready():
	case <-i.dead:
	case <-time.After(b.patiently()):
		t.Fatal("not ready")
	}
	return i
}

func none(*instance, string) {}

// crash ends the instance as a power cut does: nothing more is written, the
// lease stays.
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

// invoices returns what is stored, by the names of the invoices.
func (b *bench) invoices(t *testing.T) map[string]*matter.Matter {
	t.Helper()
	out := map[string]*matter.Matter{}
	err := book.New(stored.NewShelf(b.js)).Each(t.Context(), nil, func(e book.Entry) error {
		out[e.Matter.Name] = e.Matter
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// plans returns the stored plans by invoice and time.
func (b *bench) plans(t *testing.T) map[string]matter.Plan {
	t.Helper()
	out := map[string]matter.Plan{}
	for name, i := range b.invoices(t) {
		for _, p := range i.Plans {
			out[name+" "+p.Time] = p
		}
	}
	return out
}

// planned waits until there are n plans.
func (b *bench) planned(t *testing.T, n int) map[string]matter.Plan {
	t.Helper()
	var plans map[string]matter.Plan
	b.until(t, func() bool {
		plans = b.plans(t)
		return len(plans) == n
	})
	return plans
}

// fired is a scheduled event with the moment at which it was accepted.
type fired struct {
	event.Event
	at time.Time
}

// awaitFired waits until n scheduled events are accepted and returns those
// that there are.
func (b *bench) awaitFired(t *testing.T, n int) []fired {
	t.Helper()
	return b.awaitEvents(t, matter.AfterDelivery.EventType(), n)
}

// awaitEvents is the same for events of any type.
func (b *bench) awaitEvents(t *testing.T, eventType string, n int) []fired {
	t.Helper()
	c, err := b.js.CreateConsumer(t.Context(), topology.Events, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, FilterSubject: subject.EventsOfType(eventType), MemoryStorage: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []fired
	b.until(t, func() bool {
		batch, err := c.FetchNoWait(100)
		if err != nil {
			t.Fatal(err)
		}
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				t.Fatal(err)
			}
			f := fired{at: meta.Timestamp}
			if err := json.Unmarshal(m.Data(), &f.Event); err != nil {
				t.Fatal(err)
			}
			all = append(all, f)
		}
		return len(all) >= n
	})
	return all
}
