package webhooksender_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partitions = 2
	// part is where the events of acme are put.
	part = 1
	acme = "acme"
	// long is what no machine is too slow for. What is put off comes again after
	// as long.
	long = 30 * time.Second
	// patience bounds every wait; nothing waits as long unless it fails.
	patience = 3 * time.Minute
)

// rig is a broker with Billhook's streams, a receiver, and what acts for the
// services before the sender.
type rig struct {
	// authSecret and clientKey are given to endpoints that are made.
	authSecret, clientKey *secret.Text
	// window is that of notices; 0 is the default.
	window time.Duration

	t         testing.TB
	srv       *natstest.Server
	js        jetstream.JetStream
	catalogue *tokens.Catalogue
	sealer    *secret.Sealer
	store     *store.Store
	receiver  *receiver
	events    int
}

func newRig(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	r := &rig{t: t, srv: natstest.Start(t, opts...)}
	var err error
	r.js, err = jetstream.New(r.srv.Conn(t), jetstream.WithDefaultTimeout(patience))
	r.must(err)
	topologytest.Ensure(t, r.js, topologytest.WithPartitions(partitions))
	r.catalogue, err = tokens.Load()
	r.must(err)
	r.sealer = secrettest.Sealer(t)
	r.store = store.New(store.Deps{
		JetStream: r.js, Catalogue: r.catalogue, Mail: &guard.Policy{}, Sealer: r.sealer, Rand: rand.Reader, Now: time.Now,
	})
	_, err = r.store.PutOwner(t.Context(), owner.Owner{ID: acme, Name: "Acme Ltd", TimeZone: "Europe/Paris"})
	r.must(err)
	r.receiver = newReceiver(t)
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// endpoint makes an endpoint of that id, whose path at the receiver is the id,
// and a subscription of the same id to it.
func (r *rig) endpoint(id string, change ...func(*endpoint.Spec, *subscription.Spec)) {
	r.t.Helper()
	ep := endpoint.Spec{
		ID: id, Name: id, URL: "https://" + host + "/" + id, InFlight: 8,
		Retry: backoff.Schedule{0, time.Second, time.Second},
	}
	sub := subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook,
		Webhook: &subscription.Webhook{Endpoint: id},
	}
	for _, f := range change {
		f(&ep, &sub)
	}
	made, err := r.store.PutEndpoint(r.t.Context(), acme, endpoint.Document{Spec: ep, AuthSecret: r.authSecret, ClientKey: r.clientKey})
	r.must(err)
	if !made.Issued.Empty() { // else it is there already
		r.receiver.expect(r.t, "/"+id, made.Issued.Reveal())
	}
	_, err = r.store.PutSubscription(r.t.Context(), acme, sub)
	r.must(err)
}

// accept stores an event as ingest does.
func (r *rig) accept(data event.Values) *event.Event {
	r.t.Helper()
	ev := &event.Event{
		ID: fmt.Sprintf("evt_%d", r.events+1), Type: "invoice.posted", Owner: acme, Account: "A-1",
		Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Data: data,
	}
	r.put(ev)
	return ev
}

// put stores an event behind the others.
func (r *rig) put(ev *event.Event) {
	r.t.Helper()
	r.events++
	b, err := ev.Encode()
	r.must(err)
	_, err = r.js.Publish(r.t.Context(), subject.Event(part, acme, ev.Type), b)
	r.must(err)
}

// deliver has the event of a sequence delivered to subscriptions, as the
// matcher does.
func (r *rig) deliver(ev *event.Event, seq uint64, subs ...string) {
	r.t.Helper()
	for _, sub := range subs {
		ref := delivery.Reference{
			ID: delivery.ID(acme, sub, ev.ID, seq), Owner: acme, Subscription: sub, Revision: 1,
			EventSeq: seq, EventID: ev.ID, EventType: ev.Type, Account: ev.Account,
		}
		b, err := json.Marshal(ref)
		r.must(err)
		_, err = r.js.PublishAsync(subject.Delivery(delivery.Webhook, part, acme, sub), b)
		r.must(err)
	}
}

// send has n events delivered to subscriptions.
func (r *rig) send(n int, subs ...string) {
	r.t.Helper()
	for i := range n {
		ev := r.accept(event.Values{"Invoice.Total": event.Str(fmt.Sprintf("%d.50", i))})
		r.deliver(ev, uint64(r.events), subs...)
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		r.t.Fatal("deliveries were not stored")
	}
}

// hasten makes unacknowledged tasks come again soon.
func (r *rig) hasten() {
	r.t.Helper()
	settings := topology.Settings{Partitions: partitions}
	for _, d := range topology.Durables(settings) {
		d.Config.AckWait = 2 * time.Second
		_, err := r.js.UpdateConsumer(r.t.Context(), d.Stream, d.Config)
		r.must(err)
	}
}

// instances counts the instances of all tests, for their names.
var instances atomic.Int64

// config makes a configuration by which no receiver that answers looks slow, and
// nobody seems to be dead, however slow the machine is.
func config() webhooksender.Config {
	return webhooksender.Config{
		Concurrency: 64, Waiting: 64, MaxAckPending: 256, Patience: long,
		HandshakeTimeout: long, HeaderTimeout: long, Timeout: long, MaxRetryAfter: time.Hour,
		SeriesLive: 64, Lease: long,
		BreakerFailures: 1000, BreakerWaits: backoff.Schedule{time.Second}, Drains: 8,
	}
}

// hasty makes a configuration for tests that wait for the end of a request: of
// one whose sender crashed, or that was to find out whether an endpoint is back.
func hasty(cfg webhooksender.Config) webhooksender.Config {
	cfg.HandshakeTimeout, cfg.HeaderTimeout, cfg.Timeout = 3*time.Second, 4*time.Second, 5*time.Second
	return cfg
}

// restart restarts the broker, and waits until the rig is connected again: what
// is published on a connection that is gone without notice is lost.
func (r *rig) restart() {
	r.t.Helper()
	r.srv.Restart(r.t)
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(r.t.Context(), time.Second)
		_, err := r.js.AccountInfo(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("not connected after a restart: %v", err)
		}
	}
}

// instance is a running sender with a connection of its own.
type instance struct {
	name string
	conn *nats.Conn
	stop context.CancelFunc
	done chan struct{}
	once sync.Once
	// dead is closed when the instance has crashed.
	dead chan struct{}
}

// run starts a sender; change may change what it is given.
func (r *rig) run(cfg webhooksender.Config, change ...func(*instance, *webhooksender.Deps)) *instance {
	t := r.t
	t.Helper()
	i := &instance{name: fmt.Sprint("i", instances.Add(1)), conn: r.srv.Conn(t), done: make(chan struct{}), dead: make(chan struct{})}
	js, err := jetstream.New(i.conn)
	r.must(err)
	dir, err := directory.Watch(t.Context(), directory.Settings{
		JetStream: js, Buckets: webhooksender.Needs().Buckets, Catalogue: r.catalogue, Logger: zerolog.Nop(),
	})
	r.must(err)
	roots := x509.NewCertPool()
	roots.AddCert(r.receiver.srv.Certificate())
	deps := webhooksender.Deps{
		JetStream: js, Directory: dir, Catalogue: r.catalogue, Sealer: r.sealer,
		Policy: &guard.Policy{Hosts: map[string]string{host: r.receiver.srv.Listener.Addr().String()}}, Roots: roots,
		Partitions: partitions, Instance: i.name, Logger: zerolog.Nop(), Now: time.Now, Rand: rand.Reader,
	}
	deps.Notices = notice.New(notice.Settings{JS: js, Interval: r.window, Name: dir.Name, Log: zerolog.Nop(), Now: time.Now})
	for _, f := range change {
		f(i, &deps)
	}
	s, err := webhooksender.New(cfg, deps)
	r.must(err)
	ctx, stop := context.WithCancel(context.Background())
	i.stop = stop
	go func() {
		defer close(i.done)
		defer dir.Close()
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	t.Cleanup(i.end)
	select {
	case <-s.Ready():
	case <-time.After(patience):
		t.Fatal("never ready")
	}
	return i
}

// crash ends the instance as a power cut does: nothing more is written.
func (i *instance) crash() {
	i.once.Do(func() {
		i.conn.Close()
		i.stop()
		close(i.dead)
	})
}

// bury waits until an instance has crashed, and ends its leases, as time does.
func (r *rig) bury(i *instance) {
	r.t.Helper()
	<-i.dead
	kv, err := r.js.KeyValue(r.t.Context(), topology.Leases)
	r.must(err)
	keys, err := kv.ListKeys(r.t.Context())
	r.must(err)
	s, err := r.js.Stream(r.t.Context(), topology.BucketStream(topology.Leases))
	r.must(err)
	for key := range keys.Keys() {
		if e, err := kv.Get(r.t.Context(), key); err == nil && string(e.Value()) == i.name {
			r.must(s.Purge(r.t.Context(), jetstream.WithPurgeSubject(topology.BucketKey(topology.Leases, key))))
		}
	}
}

// end stops the instance in order and waits.
func (i *instance) end() {
	i.stop()
	<-i.done
}

// outcomes reads OUTCOMES from its beginning until enough says so.
func (r *rig) outcomes(enough func([]delivery.Outcome) bool) []delivery.Outcome {
	r.t.Helper()
	var all []delivery.Outcome
	r.read(topology.Outcomes, func(m jetstream.Msg) bool {
		some, err := delivery.ReadOutcomes(m.Data())
		r.must(err)
		all = append(all, some...)
		return enough(all)
	}, func() string { return fmt.Sprintf("%d outcomes: %v", len(all), tally(all)) })
	return all
}

// tally counts outcomes by what became of them at which endpoint.
func tally(all []delivery.Outcome) map[string]int {
	counts := map[string]int{}
	for _, o := range all {
		counts[fmt.Sprintf("%s at %s (%s)", o.Result, o.Target, o.Reason)]++
	}
	return counts
}

// read hands the messages of a stream to see until it has enough.
func (r *rig) read(stream string, see func(jetstream.Msg) bool, state func() string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	c, err := r.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	r.must(err)
	messages, err := c.Messages()
	r.must(err)
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			r.t.Fatalf("gave up waiting for %s with %s: %v", stream, state(), err)
		}
		if see(m) {
			return
		}
	}
}

// finals waits for n final outcomes.
func (r *rig) finals(n int) []delivery.Outcome {
	r.t.Helper()
	return r.outcomes(func(all []delivery.Outcome) bool {
		count := 0
		for _, o := range all {
			if o.Result.Final() {
				count++
			}
		}
		return count >= n
	})
}

// count is the number of messages of a stream.
func (r *rig) count(stream string) int {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	r.must(err)
	return int(s.CachedInfo().State.Msgs)
}
