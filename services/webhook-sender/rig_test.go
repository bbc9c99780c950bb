package webhooksender_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"sync"
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
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partitions = 2
	// part is where the events of acme are put.
	part = 1
	acme = "acme"
	// patience bounds every wait; nothing waits as long unless it fails.
	patience = 60 * time.Second
)

// rig is a broker with Billhook's streams, a receiver, and what acts for the
// services before the sender.
type rig struct {
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
	r.js = r.srv.JetStream(t)
	settings := topology.Defaults()
	settings.Partitions = partitions
	r.must(topology.Ensure(t.Context(), r.js, settings))
	var err error
	r.catalogue, err = tokens.Load()
	r.must(err)
	key, err := secret.GenerateKey(rand.Reader)
	r.must(err)
	r.sealer, err = secret.NewSealer(key)
	r.must(err)
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
	made, err := r.store.PutEndpoint(r.t.Context(), acme, ep)
	r.must(err)
	r.receiver.expect(r.t, "/"+id, made.Issued.Reveal())
	_, err = r.store.PutSubscription(r.t.Context(), acme, sub)
	r.must(err)
}

// accept stores an event as ingest does.
func (r *rig) accept(data event.Values) *event.Event {
	r.t.Helper()
	r.events++
	ev := &event.Event{
		ID: fmt.Sprintf("evt_%d", r.events), Type: "invoice.posted", Owner: acme, Account: "A-1",
		Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Data: data,
	}
	b, err := ev.Encode()
	r.must(err)
	_, err = r.js.Publish(r.t.Context(), subject.Event(part, acme, ev.Type), b)
	r.must(err)
	return ev
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

func config() webhooksender.Config {
	return webhooksender.Config{
		Concurrency: 64, Waiting: 64, MaxAckPending: 256, Patience: 200 * time.Millisecond,
		HandshakeTimeout: time.Second, HeaderTimeout: 2 * time.Second, Timeout: 3 * time.Second, MaxRetryAfter: time.Hour,
	}
}

// instance is a running sender with a connection of its own.
type instance struct {
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
	i := &instance{conn: r.srv.Conn(t), done: make(chan struct{}), dead: make(chan struct{})}
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
		Partitions: partitions, Logger: zerolog.Nop(), Now: time.Now, Rand: rand.Reader,
	}
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
		var o delivery.Outcome
		r.must(json.Unmarshal(m.Data(), &o))
		all = append(all, o)
		return enough(all)
	}, func() string { return fmt.Sprintf("%d outcomes: %+v", len(all), all) })
	return all
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
