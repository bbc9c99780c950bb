package ingest_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// partitions is small, so that owners share some.
const partitions = 2

// patience bounds every wait; nothing waits as long unless it fails.
const patience = 3 * time.Minute

// rig is a broker with Billhook's streams and an owner in them.
type rig struct {
	t      testing.TB
	server *natstest.Server
	js     jetstream.JetStream
	key    string // of acme, role publisher
	// window is that of notices; 0 is the default.
	window time.Duration
}

func newRig(t testing.TB, opts ...natstest.Option) *rig {
	t.Helper()
	r := &rig{t: t, server: natstest.Start(t, opts...)}
	r.js = r.server.JetStream(t)
	topologytest.Ensure(t, r.js, topologytest.WithPartitions(partitions))
	r.put(topology.Owners, "acme", owner.Owner{ID: "acme", Name: "Acme"})
	id, text, err := apikey.Generate("acme", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r.key = text.Reveal()
	r.put(topology.APIKeys, "acme."+id, apikey.Key{Owner: "acme", ID: id, Role: apikey.Publisher, Hash: apikey.Hash(text)})
	r.put(topology.Accounts, "acme.A-1", account.Account{ID: "A-1", Name: "Northwind", Currency: "EUR"})
	return r
}

// put writes a value into a bucket.
func (r *rig) put(bucket, key string, v any) {
	r.t.Helper()
	kv, err := r.js.KeyValue(r.t.Context(), bucket)
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := kv.Put(r.t.Context(), key, b); err != nil {
		r.t.Fatal(err)
	}
}

// instance is a running service.
type instance struct {
	*ingest.Service
	stop func() // waits
}

// options change an instance.
type options struct {
	fault     func(point string)
	cfg       func(*ingest.Config)
	connected func(jetstream.JetStream)
}

// start runs a service and waits until it is ready. It ends with the test.
func (r *rig) start(o options) *instance {
	r.t.Helper()
	in := r.launch(o)
	select {
	case <-in.Ready():
	case <-time.After(patience):
		r.t.Fatal("service is not ready")
	}
	return in
}

func (r *rig) launch(o options) *instance {
	r.t.Helper()
	js := r.server.JetStream(r.t)
	if o.connected != nil {
		o.connected(js)
	}
	catalogue, err := tokens.Load()
	if err != nil {
		r.t.Fatal(err)
	}
	d, err := directory.Watch(r.t.Context(), directory.Settings{
		JetStream: js, Buckets: []string{topology.Owners}, Catalogue: catalogue, Logger: zerolog.Nop(),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	known, err := accounts.Open(r.t.Context(), accounts.Settings{JetStream: js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		r.t.Fatal(err)
	}
	credentials, err := keys.Open(r.t.Context(), keys.Settings{JetStream: js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := ingest.Config{Lease: 2 * time.Second, Batch: 500, PurgeEvery: time.Hour}
	if o.cfg != nil {
		o.cfg(&cfg)
	}
	s, err := ingest.New(cfg, ingest.Deps{
		JetStream: js, Catalogue: catalogue, Directory: d, Accounts: known, Callers: caller.New(caller.Settings{Keys: credentials, Now: time.Now}),
		Logger: zerolog.Nop(), Now: time.Now, Instance: fmt.Sprintf("%s-%p", r.t.Name(), d), Partitions: partitions, Fault: o.fault,
		Notices: notice.New(notice.Settings{JS: js, Interval: r.window, Name: d.Name, Log: zerolog.Nop(), Now: time.Now}),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("run: %v", err)
		}
		credentials.Close()
		known.Close()
		d.Close()
	}
	r.t.Cleanup(stop)
	return &instance{Service: s, stop: stop}
}

// publish publishes as a platform and waits for the acknowledgement.
func (r *rig) publish(subj string, body []byte, headers map[string]string) {
	r.t.Helper()
	msg := nats.NewMsg(subj)
	msg.Data = body
	for k, v := range headers {
		msg.Header[k] = []string{v}
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for {
		_, err := r.js.PublishMsg(ctx, msg)
		if err == nil {
			return
		}
		if ctx.Err() != nil || !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) {
			r.t.Fatal(err)
		}
	}
}

// post posts to the inlet of an instance.
func (r *rig) post(in *instance, path, body string, headers map[string]string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	in.Handler().ServeHTTP(w, req)
	return w
}

// read returns the first n messages of a stream and fails when they do not
// come.
func (r *rig) read(stream string, n int) []jetstream.Msg {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	c, err := r.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []jetstream.Msg
	for len(out) < n {
		batch, err := c.Fetch(n-len(out), jetstream.FetchContext(ctx))
		if err != nil {
			r.t.Fatal(err)
		}
		for m := range batch.Messages() {
			out = append(out, m)
		}
		if ctx.Err() != nil {
			r.t.Fatalf("%s holds %d messages, want %d", stream, len(out), n)
		}
	}
	return out
}

// count returns how many messages a stream holds.
func (r *rig) count(stream string) int {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	return int(s.CachedInfo().State.Msgs)
}

// eventually waits until a condition holds.
func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			r.t.Fatalf("%s: not after %s", what, patience)
		case <-tick.C:
		}
	}
}

// stored waits until a checkpoint has the position.
func (r *rig) stored(position uint64) {
	r.t.Helper()
	r.eventually("checkpoint stored", func() bool {
		for part := range partitions {
			at, err := cursor.StoredPosition(r.t.Context(), r.js, fmt.Sprintf("ingest.%d", part))
			if err == nil && at >= position {
				return true
			}
		}
		return false
	})
}

// events returns the first n events of EVENTS.
func (r *rig) events(n int) []*event.Event {
	r.t.Helper()
	var out []*event.Event
	for _, m := range r.read(topology.Events, n) {
		e, err := event.Decode(m.Data())
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// published waits for the first n events that came from a platform: what owners
// are told of refusals lies between them.
func (r *rig) published(n int) []*event.Event {
	r.t.Helper()
	var out []*event.Event
	r.eventually(fmt.Sprint(n, " events of platforms"), func() bool {
		out = slices.DeleteFunc(r.events(r.count(topology.Events)), func(e *event.Event) bool { return e.Type == "event.rejected" })
		return len(out) >= n
	})
	return out[:n]
}

// rejected is what REJECTED holds, as its readers see it.
type rejected struct {
	Subject  string         `json:"-"`
	Reason   string         `json:"reason"`
	Problems fault.Problems `json:"problems"`
	Payload  string         `json:"payload"`
	Base64   []byte         `json:"payload_base64"`
	Bytes    int            `json:"payload_bytes"`
	Headers  map[string]string
}

func (r *rig) rejected(n int) []rejected {
	r.t.Helper()
	var out []rejected
	for _, m := range r.read(topology.Rejected, n) {
		v := rejected{Subject: m.Subject()}
		if err := json.NewDecoder(bytes.NewReader(m.Data())).Decode(&v); err != nil {
			r.t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// plain is a plain event of acme's account A-1.
func plain(id string) string {
	return fmt.Sprintf(`{"id":%q,"time":%q,"account":"A-1","data":{"Invoice.Total":"12.50"}}`, id, time.Now().UTC().Format(time.RFC3339))
}

func posted(owner string) string { return subject.Platform(owner, "invoice.posted") }
