package mailer_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/mail"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(natstest.AbandonedPublisher))
}

const (
	partitions = 2
	acme       = "acme"
)

// rig is a broker with an owner's configuration; it acts for ingest and the
// matcher.
type rig struct {
	srv       *natstest.Server
	js        jetstream.JetStream
	catalogue *tokens.Catalogue
	sealer    *secret.Sealer
	policy    *guard.Policy
	store     *store.Store
	roots     *smtptest.Server // any server: all have the same authority

	// spare is how often an instance passes its fault point before it crashes.
	spare atomic.Int64
	// down is true while an instance has crashed and not ended: what it still
	// says to a mail server was never said.
	down atomic.Bool

	mu     sync.Mutex
	events int
	types  map[string]string // of the events that each subscription wants
	logs   strings.Builder
}

// start runs a broker with the owner acme: two SMTP settings, main (the
// default) and other, at two servers; an account with a billing and a technical
// contact; and no email yet.
func start(t testing.TB, main, other *smtptest.Server) *rig {
	t.Helper()
	r := &rig{srv: natstest.Start(t), roots: main, types: map[string]string{}}
	r.js = r.srv.JetStream(t)
	topologytest.Ensure(t, r.js, topologytest.WithPartitions(partitions))
	r.hasten(t)
	var err error
	r.catalogue, err = tokens.Load()
	must(t, err)
	r.sealer = secrettest.Sealer(t)
	r.policy = &guard.Policy{Ports: guard.MailPorts(), Hosts: map[string]string{"main.example.com": main.Address}}
	if other != nil {
		r.policy.Hosts["other.example.com"] = other.Address
	}
	r.store = store.New(store.Deps{
		JetStream: r.js, Catalogue: r.catalogue, Mail: r.policy, Sealer: r.sealer, Rand: rand.Reader, Now: time.Now,
	})
	r.configure(t)
	return r
}

// hasten makes the server give a crashed instance's messages out again soon.
func (r *rig) hasten(t testing.TB) {
	t.Helper()
	r.durables(t, func(c *jetstream.ConsumerConfig) { c.AckWait = time.Second })
}

// durables changes how the server treats what is read from pools.
func (r *rig) durables(t testing.TB, change func(*jetstream.ConsumerConfig)) {
	t.Helper()
	settings := topology.Defaults()
	settings.Partitions = partitions
	for _, d := range topology.Durables(settings) {
		change(&d.Config)
		_, err := r.js.UpdateConsumer(t.Context(), d.Stream, d.Config)
		must(t, err)
	}
}

func (r *rig) configure(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	did := func(_ setup.Change, err error) { t.Helper(); must(t, err) }
	did(r.store.PutOwner(ctx, owner.Owner{ID: acme, Name: "Acme Telecom", TimeZone: "Europe/Berlin"}))
	for id, base := range map[string]account.Base{"billing": account.Billing, "technical": account.Technical, "shipping": account.Shipping} {
		did(r.store.PutContactType(ctx, acme, account.ContactType{ID: id, Name: id, Base: base}))
	}
	did(r.store.PutAccount(ctx, acme, account.Account{ID: "A-1", Name: "Northwind", TimeZone: "Asia/Tokyo", EmailInvoicing: true, Contacts: []account.Contact{
		{ID: "c1", Type: "billing", FirstName: "Ada", LastName: "Byron", Email: "ada@example.com"},
		{ID: "c2", Type: "technical", FirstName: "Tom", Email: "tom@example.com"},
	}}))
	r.putSMTP(t, "main", smtptest.Password, true)
	r.putSMTP(t, "other", smtptest.Password, false)
}

func (r *rig) putSMTP(t testing.TB, id, password string, isDefault bool) {
	t.Helper()
	_, err := r.store.PutSMTP(t.Context(), acme, r.document(id, password, isDefault))
	must(t, err)
}

func (r *rig) document(id, password string, isDefault bool) smtp.Document {
	return smtp.Document{
		Spec: smtp.Spec{
			ID: id, Name: id, Host: id + ".example.com", FromName: "Acme " + id, FromAddress: id + "@acme.example",
			Username: smtptest.User,
		},
		Password: new(secret.NewText(password)), Default: isDefault,
	}
}

// putEmail stores a canned email and a subscription of the same id to
// invoice.posted that sends it.
func (r *rig) putEmail(t testing.TB, spec email.Spec, change ...func(*subscription.Spec)) {
	t.Helper()
	spec.Name = spec.ID
	_, err := r.store.PutEmail(t.Context(), acme, spec)
	must(t, err)
	sub := subscription.Spec{
		ID: spec.ID, Name: spec.ID, Events: []string{"invoice.posted"}, Channel: delivery.Email,
		Email: &subscription.Email{CannedEmail: spec.ID},
	}
	for _, c := range change {
		c(&sub)
	}
	_, err = r.store.PutSubscription(t.Context(), acme, sub)
	must(t, err)
	r.types[sub.ID] = sub.Events[0]
}

// ofStatus has a subscription be to the changes of an account's status.
func ofStatus(s *subscription.Spec) { s.Events = []string{"account.status_change"} }

// plain is an email to fixed addresses.
func plain(id string, to ...string) email.Spec {
	e := email.Spec{ID: id, Subject: "Invoice {{Invoice.Id}}", Text: "Total {{Invoice.Total}} {{[Current Date and Time]}}"}
	for _, a := range to {
		e.To = append(e.To, email.Recipient{Address: a})
	}
	return e
}

// happen stores an event of the account and its delivery to a subscription.
func (r *rig) happen(t testing.TB, subscriptionID string) delivery.Reference {
	t.Helper()
	part, ref := r.accept(t, subscriptionID)
	r.deliver(t, part, ref)
	return ref
}

// accept stores an event as ingest does, and returns the reference of its
// delivery with its partition.
func (r *rig) accept(t testing.TB, subscriptionID string) (int, delivery.Reference) {
	t.Helper()
	r.mu.Lock()
	r.events++
	n := r.events
	r.mu.Unlock()
	e := event.Event{
		ID: fmt.Sprintf("evt_%d", n), Type: cmp.Or(r.types[subscriptionID], "invoice.posted"), Owner: acme, Account: "A-1",
		Time: time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC),
		Data: event.Values{"Invoice.Id": event.Str(fmt.Sprintf("INV-%d", n)), "Invoice.Total": event.Str("12.50"), "Account.Name": event.Str("North & <Wind>"), "Account.CurrentStatus": event.Str("active")},
	}
	data, err := e.Encode()
	must(t, err)
	ack, err := r.js.Publish(t.Context(), subject.Event(n%partitions, acme, e.Type), data)
	must(t, err)
	return n % partitions, delivery.Reference{
		ID: delivery.ID(acme, subscriptionID, e.ID, ack.Sequence), Owner: acme, Subscription: subscriptionID, Revision: 1,
		EventSeq: ack.Sequence, EventID: e.ID, EventType: e.Type, Account: e.Account,
	}
}

func (r *rig) deliver(t testing.TB, part int, ref delivery.Reference) {
	t.Helper()
	data, err := json.Marshal(ref)
	must(t, err)
	_, err = r.js.Publish(t.Context(), subject.Delivery(delivery.Email, part, ref.Owner, ref.Subscription), data)
	must(t, err)
}

// instance is a running mailer with a connection of its own.
type instance struct {
	conn   *nats.Conn
	cancel context.CancelFunc
	done   chan struct{}
	// dead is closed when the instance crashed.
	dead chan struct{}
	once sync.Once
	// readers answers the links of emails.
	readers http.Handler
}

// config is the defaults, hastened.
func config(t testing.TB) mailer.Config {
	t.Helper()
	var c mailer.Config
	must(t, process.Load(nil, &c))
	c.Retry = backoff.Schedule{0, 0, 0, 0, 0, 0, 0, 0}
	c.SettingsRetry, c.StopTimeout = time.Second, 100*time.Millisecond
	return c
}

// run starts a mailer and returns when it is ready. With a fault point the
// instance crashes when it passes it, after those spared.
func (r *rig) run(t testing.TB, c mailer.Config, faultPoint string) *instance {
	t.Helper()
	i := &instance{conn: r.srv.Conn(t), done: make(chan struct{}), dead: make(chan struct{})}
	js, err := jetstream.New(i.conn)
	must(t, err)
	log := zerolog.New(io.MultiWriter(zerolog.NewTestWriter(t), r)).Level(zerolog.WarnLevel)
	ctx, cancel := context.WithCancel(context.Background())
	i.cancel = cancel
	dir, err := directory.Watch(ctx, directory.Settings{
		JetStream: js, Buckets: mailer.Needs().Buckets, Catalogue: r.catalogue, Logger: log,
	})
	must(t, err)
	acc, err := accounts.Open(ctx, accounts.Settings{JetStream: js, Now: time.Now, Logger: log})
	must(t, err)
	s, err := mailer.New(c, mailer.Deps{
		JetStream: js, Directory: dir, Accounts: acc, Catalogue: r.catalogue, Sealer: r.sealer, Policy: r.policy,
		Roots: r.roots.Roots, Partitions: partitions,
		Instance: strings.ToLower(rand.Text()),
		Notices:  notice.New(notice.Settings{JS: js, Name: dir.Name, Log: log, Now: time.Now}),
		Logger:   log, Now: time.Now, Rand: rand.Reader,
		Fault: func(point string) {
			if point == faultPoint && r.spare.Add(-1) < 0 {
				r.down.Store(true)
				i.crash()
			}
		},
	})
	must(t, err)
	i.readers = s.Handler()
	go func() {
		defer close(i.done)
		if err := s.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		dir.Close()
		acc.Close()
		r.down.Store(false)
	}()
	t.Cleanup(func() { i.stop() })
	select {
	case <-s.Ready():
	case <-time.After(2 * time.Minute):
		t.Fatal("the mailer did not become ready")
	}
	return i
}

// crash ends the connection, so that nothing more is stored, and the goroutine
// that calls it. All others who come to a fault point end too.
func (i *instance) crash() {
	i.once.Do(func() {
		i.conn.Close()
		i.cancel()
		close(i.dead)
	})
	runtime.Goexit()
}

func (i *instance) stop() {
	i.cancel()
	<-i.done
}

// Write keeps the log for a search.
func (r *rig) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs.Write(p)
}

// outcomes reads OUTCOMES from the beginning until enough says that it has
// what it wants; notes are left out.
func (r *rig) outcomes(t testing.TB, enough func([]delivery.Outcome) bool) []delivery.Outcome {
	t.Helper()
	ctx := within(t)
	var got []delivery.Outcome
	for seq := uint64(1); !enough(got); {
		s, err := r.js.Stream(ctx, topology.Outcomes)
		if err != nil {
			if ctx.Err() != nil {
				t.Fatalf("outcomes: %+v", got)
			}
			continue // the broker is away
		}
		c, err := s.CreateConsumer(ctx, jetstream.ConsumerConfig{
			DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: seq, AckPolicy: jetstream.AckNonePolicy,
		})
		must(t, err)
		for !enough(got) {
			msg, err := c.Next(jetstream.FetchContext(ctx))
			if err != nil && ctx.Err() == nil && !errors.Is(err, nats.ErrTimeout) {
				break
			}
			if err != nil {
				t.Fatalf("only these outcomes came: %+v", got)
			}
			meta, err := msg.Metadata()
			must(t, err)
			seq = meta.Sequence.Stream + 1
			all, err := delivery.ReadOutcomes(msg.Data())
			must(t, err)
			for _, o := range all {
				if o.Result != delivery.Sending {
					got = append(got, o)
				}
			}
		}
	}
	return got
}

// final is enough once so many deliveries have ended.
func final(n int) func([]delivery.Outcome) bool {
	return func(all []delivery.Outcome) bool {
		ended := map[string]bool{}
		for _, o := range all {
			if o.Result.Final() {
				ended[o.Delivery.ID] = true
			}
		}
		return len(ended) >= n
	}
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read parses a letter; parts are "media type: content".
func read(t testing.TB, l smtptest.Letter) (h mail.Header, parts []string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.Data))
	must(t, err)
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	if !strings.HasPrefix(kind, "multipart/") {
		return m.Header, []string{kind}
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return m.Header, parts
		}
		must(t, err)
		kind, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		must(t, err)
		body, err := io.ReadAll(p)
		must(t, err)
		parts = append(parts, kind+": "+strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")))
	}
}

// attached returns the last part of a letter, which is a file.
func attached(t testing.TB, l smtptest.Letter) (kind, name string, data []byte) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(l.Data))
	must(t, err)
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	must(t, err)
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return kind, name, data
		}
		must(t, err)
		kind, _, _ = strings.Cut(p.Header.Get("Content-Type"), ";")
		if name = p.FileName(); name != "" {
			data, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
			must(t, err)
		}
	}
}

// putRaw stores a value past the rules.
func (r *rig) putRaw(t testing.TB, bucket, key string, value any) {
	t.Helper()
	data, err := json.Marshal(value)
	must(t, err)
	kv, err := r.js.KeyValue(t.Context(), bucket)
	must(t, err)
	_, err = kv.Put(t.Context(), key, data)
	must(t, err)
}
