package queue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	config "github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/services/queue"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/notice"
	read "github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const partitions = 2

// patience bounds every wait; nothing waits as long unless it fails.
const patience = 30 * time.Second

// rig is a broker with Billhook's streams, two owners and the queue erp of acme.
type rig struct {
	t      testing.TB
	server *natstest.Server
	js     jetstream.JetStream
	// keys are those of acme by role; foreign is an admin of another owner.
	keys    map[apikey.Role]string
	foreign string
	// pace lets what is there be read however slow the machine is.
	pace read.Pace

	mu  sync.Mutex
	log bytes.Buffer
}

// Write implements io.Writer: the log of all instances.
func (r *rig) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.Write(b)
}

func newRig(t testing.TB, change ...func(*config.Queue)) *rig {
	t.Helper()
	return newRigWith(t, nil, change...)
}

func newRigWith(t testing.TB, opts []natstest.Option, change ...func(*config.Queue)) *rig {
	t.Helper()
	r := &rig{t: t, server: natstest.Start(t, opts...), keys: map[apikey.Role]string{}, pace: read.Pace{Linger: patience, Patience: patience}}
	r.js = r.server.JetStream(t)
	topologytest.Ensure(t, r.js, topologytest.WithPartitions(partitions))
	for _, name := range []string{"acme", "other"} {
		r.put(topology.Owners, name, owner.Owner{ID: name, Name: name})
	}
	r.queue("erp", change...)
	for _, role := range apikey.Roles() {
		k := apikey.Key{Owner: "acme", Role: role}
		if role == apikey.Subscriber {
			k.Queues = []string{"erp"}
		}
		r.keys[role] = r.key(k)
	}
	r.foreign = r.key(apikey.Key{Owner: "other", Role: apikey.Admin})
	return r
}

// key stores a key and returns its text.
func (r *rig) key(k apikey.Key) string {
	r.t.Helper()
	holder := k.Owner
	if k.Role == apikey.Operator {
		holder, k.Owner = "=installation", ""
	}
	id, text, err := apikey.Generate(k.Owner, rand.Reader)
	if err != nil {
		r.t.Fatal(err)
	}
	k.ID, k.Hash = id, apikey.Hash(text)
	r.put(topology.APIKeys, holder+"."+id, k)
	return text.Reveal()
}

// queue stores a queue of acme.
func (r *rig) queue(id string, change ...func(*config.Queue)) {
	r.t.Helper()
	q := config.Queue{Spec: config.Spec{ID: id, Name: id, Events: []string{"invoice.posted"}}, Incarnation: "1", Revision: 1}
	for _, c := range change {
		c(&q)
	}
	if p := q.Check(); len(p) > 0 {
		r.t.Fatal(p)
	}
	r.put(topology.Queues, "acme."+id, q)
}

// put writes a value into a bucket; nil deletes it.
func (r *rig) put(name, key string, v any) {
	r.t.Helper()
	b := bucket.Open(r.js, name)
	e, err := b.Get(r.t.Context(), key)
	if err != nil {
		r.t.Fatal(err)
	}
	if v == nil {
		_, err = b.Delete(r.t.Context(), key, e.Revision)
	} else {
		var data []byte
		if data, err = json.Marshal(v); err == nil {
			_, err = b.Put(r.t.Context(), key, data, e.Revision)
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// instance is a running service.
type instance struct {
	*queue.Service
	r    *rig
	stop func() // waits
	// directory is what it knows.
	directory *directory.Directory
	js        jetstream.JetStream
}

func (r *rig) start(change ...func(*queue.Config)) *instance {
	r.t.Helper()
	js := r.server.JetStream(r.t)
	catalogue, err := tokens.Load()
	if err != nil {
		r.t.Fatal(err)
	}
	log := zerolog.New(r)
	d, err := directory.Watch(r.t.Context(), directory.Settings{
		JetStream: js, Buckets: queue.Needs().Buckets, Catalogue: catalogue, Logger: log,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	credentials, err := keys.Open(r.t.Context(), keys.Settings{JetStream: js, Now: time.Now, Logger: log})
	if err != nil {
		r.t.Fatal(err)
	}
	cfg := queue.Config{Waiting: 20, SweepEvery: time.Hour}
	for _, c := range change {
		c(&cfg)
	}
	s, err := queue.New(cfg, queue.Deps{
		JetStream: js, Catalogue: catalogue, Directory: d, Callers: caller.New(caller.Settings{Keys: credentials, Now: time.Now}),
		Logger: log, Now: time.Now, Rand: rand.Reader, Partitions: partitions,
		Pace:    r.pace,
		Notices: notice.New(notice.Settings{JS: js, Name: d.Name, Log: log, Now: time.Now}),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("run: %v", err)
		}
		credentials.Close()
		d.Close()
	})
	r.t.Cleanup(stop)
	in := &instance{Service: s, r: r, stop: stop, directory: d, js: js}
	<-in.Ready()
	return in
}

// publish stores n events, numbered from the first on.
func (r *rig) publish(first, n int) {
	r.t.Helper()
	for i := range n {
		e := event.Event{
			ID: fmt.Sprint("e", first+i), Type: "invoice.posted", Owner: "acme", Account: "A-1", Time: time.Unix(1, 0),
			Data: event.Values{"Invoice.Total": event.Str("12.50")},
		}
		b, err := e.Encode()
		if err != nil {
			r.t.Fatal(err)
		}
		msg := &nats.Msg{Subject: subject.Event(subject.Partition("acme", partitions), "acme", e.Type), Data: b}
		if _, err := r.js.PublishMsgAsync(msg, jetstream.WithStallWait(time.Minute)); err != nil {
			r.t.Fatal(err)
		}
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		r.t.Fatal("events are not stored")
	}
}

// ask is a request. What is not given is a subscriber's POST for the queue erp of
// acme.
type ask struct {
	method, owner, queue, path, body, key string
	context                               context.Context
	media                                 string
}

func (in *instance) do(a ask) *httptest.ResponseRecorder {
	or := func(s *string, otherwise string) {
		if *s == "" {
			*s = otherwise
		}
	}
	or(&a.method, "POST")
	or(&a.owner, "acme")
	or(&a.queue, "erp")
	or(&a.key, in.r.keys[apikey.Subscriber])
	or(&a.media, "application/json")
	if a.context == nil {
		a.context = context.Background()
	}
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	req := httptest.NewRequestWithContext(a.context, a.method, "/v1/owners/"+a.owner+"/queues/"+a.queue+"/"+a.path, body)
	if a.key != "none" {
		req.Header.Set("Authorization", "Bearer "+a.key)
	}
	if a.body != "" {
		req.Header.Set("Content-Type", a.media)
	}
	w := httptest.NewRecorder()
	in.Handler().ServeHTTP(w, req)
	return w
}

// post pulls from the queue erp at an address.
func (r *rig) post(address, body string) (status int, answer string) {
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", address+"/v1/owners/acme/queues/erp/pull", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+r.keys[apikey.Subscriber])
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(got)
}

// message is an event that was handed out.
type message struct {
	Receipt    string
	Sequence   uint64
	Deliveries int
	Event      struct {
		ID   string
		Data map[string]string
	}
}

// want fails the test unless an answer has a status, and reads it.
func (r *rig) want(w *httptest.ResponseRecorder, status int, into any) {
	r.t.Helper()
	if w.Code != status {
		r.t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		r.t.Fatalf("%v: %s", err, w.Body)
	}
}

func (in *instance) pull(body string) []message {
	in.r.t.Helper()
	var got struct{ Messages []message }
	in.r.want(in.do(ask{path: "pull", body: body}), http.StatusOK, &got)
	return got.Messages
}

// settle does something with messages and returns what became of them.
func (in *instance) settle(what, more string, messages ...message) string {
	in.r.t.Helper()
	body := `{"receipts":[`
	for i, m := range messages {
		if i > 0 {
			body += ","
		}
		body += `"` + m.Receipt + `"`
	}
	var got struct {
		Results []struct{ Receipt, Status string }
	}
	in.r.want(in.do(ask{path: what, body: body + "]" + more + "}"}), http.StatusOK, &got)
	var out []string
	for i, r := range got.Results {
		if r.Receipt != messages[i].Receipt {
			in.r.t.Errorf("receipt %d is another", i)
		}
		out = append(out, r.Status)
	}
	return strings.Join(out, " ")
}

func ids(messages []message) string {
	var out []string
	for _, m := range messages {
		out = append(out, m.Event.ID)
	}
	return strings.Join(out, " ")
}
