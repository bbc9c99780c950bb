package inorder_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// world is a broker with ingest, to which a test adds senders, and their
// receiver. The matcher has no part in what is ordered.
type world struct {
	t      *testing.T
	bin    harness.Binaries
	server *natstest.Server
	js     jetstream.JetStream
	hooks  *harness.Hooks
	key    string

	mu        sync.Mutex
	published int
}

// the owner of what a test makes, unless it says otherwise.
const acme = "acme"

// open starts what is needed before a sender, whose receiver has so many doors.
func open(t *testing.T, doors int) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	builder, err := harness.NewBuilder("ingest", "webhook-sender")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(builder.Remove)
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, bin: builder.Build(t), hooks: harness.OpenHooks(t, doors), key: key.Reveal()}
	w.server = harness.Broker(t)
	w.js = w.server.JetStream(t, permissiontest.As(permission.Operator)...)
	w.cli("", "setup")
	w.ready(harness.Run(t, harness.Start{Path: w.bin.Path("ingest"), Env: harness.Env(w.server, "ingest")}))
	return w
}

// sender starts a sender that comes to a door.
func (w *world) sender(door int, settings ...string) *harness.Process {
	w.t.Helper()
	env := append(harness.Env(w.server, permission.WebhookSender), w.hooks.Environ(w.t, door)...)
	env = append(env, "SECRET_KEY="+w.key)
	p := harness.Run(w.t, harness.Start{Path: w.bin.Path("webhook-sender"), Env: append(env, settings...)})
	w.ready(p)
	return p
}

func (w *world) ready(p *harness.Process) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		w.t.Fatalf("%v\n%s", err, p.Log())
	}
}

// cli runs the command line and returns what it printed.
func (w *world) cli(stdin string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), w.bin.Path("billhook"), args...)
	cmd.Env = append(append(os.Environ(), harness.Env(w.server, permission.Operator)...), "SECRET_KEY="+w.key)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("billhook %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// wanted is an ordered subscription that a test has made. Its path at the
// receiver is its id, and so is its endpoint.
type wanted struct {
	owner, id string
	// more are further lines of its document.
	order, more string
}

func (s wanted) path() string { return "/" + s.id }

var issued = regexp.MustCompile(`shown this once: (whsec_\S+)`)

// want makes an endpoint for each, that subscriptions to what is published use.
func (w *world) want(subs ...wanted) {
	w.t.Helper()
	var doc strings.Builder
	owners := map[string]bool{}
	for _, s := range subs {
		if !owners[s.owner] {
			fmt.Fprintf(&doc, "kind: owner\nid: %s\nname: %[1]s\ntime_zone: Etc/UTC\n---\n", s.owner)
		}
		owners[s.owner] = true
		fmt.Fprintf(&doc, "kind: endpoint\nowner: %s\nid: %s\nname: %[2]s\nurl: https://%s\nretry: [\"0s\", \"200ms\", \"200ms\"]\n---\n",
			s.owner, s.id, harness.HooksHost)
		fmt.Fprintf(&doc, "kind: subscription\nowner: %s\nid: %s\nname: %[2]s\nevents: [%s]\nchannel: webhook\n"+
			"order: %s\n%swebhook: {endpoint: %[2]s, path: /%[2]s}\n---\n", s.owner, s.id, eventType, s.order, s.more)
	}
	out := issued.FindAllStringSubmatch(w.cli(doc.String(), "apply", "-f", "-"), -1)
	if len(out) != len(subs) {
		w.t.Fatalf("%d signing secrets were issued for %d endpoints", len(out), len(subs))
	}
	for i, s := range subs {
		w.hooks.Expect(w.t, s.path(), out[i][1])
	}
}

// publish publishes an event of an account and returns its id.
func (w *world) publish(owner, account string) string {
	w.t.Helper()
	id, err := w.tryPublish(owner, account)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) tryPublish(owner, account string) (string, error) {
	w.mu.Lock()
	w.published++
	id := fmt.Sprintf("evt_%d", w.published)
	w.mu.Unlock()
	body, err := json.Marshal(map[string]any{"id": id, "time": time.Now().UTC(), "account": account, "data": map[string]string{}})
	if err != nil {
		return "", err
	}
	_, err = w.js.Publish(w.t.Context(), subject.Platform(owner, eventType), body)
	return id, err
}

// eventType is the type of what tests publish.
const eventType = "account.updated"

// course waits until every event that was published is in EVENTS, and returns
// what should come to subscriptions that were there before the first of them.
// What owners are told of deliveries that failed lies there too, and nobody
// here wants it.
func (w *world) course(subs ...wanted) map[lane][]step {
	w.t.Helper()
	course := map[lane][]step{}
	n := 0
	w.read(topology.Events, subject.AllEvents, func(m jetstream.Msg) bool {
		ev, err := event.Decode(m.Data())
		if err != nil {
			w.t.Fatal(err)
		}
		if ev.Type != eventType {
			return false
		}
		meta, err := m.Metadata()
		if err != nil {
			w.t.Fatal(err)
		}
		for _, s := range subs {
			if s.owner != ev.Owner {
				continue
			}
			l := s.lane(ev.Account)
			course[l] = append(course[l], step{ev.ID, int(meta.Sequence.Stream)})
		}
		n++
		return n == w.published
	})
	return course
}

// lane is the lane of an account's events.
func (s wanted) lane(account string) lane {
	if s.order == "ordered" {
		account = ""
	}
	return lane{s.id, account}
}

// arrivals are the webhooks to subscriptions, as the judges want them.
func (w *world) arrivals(got []harness.Hook, subs ...wanted) []arrival {
	w.t.Helper()
	by := map[string]wanted{}
	for _, s := range subs {
		by[s.path()] = s
	}
	var out []arrival
	for _, g := range got {
		s, ok := by[g.Path]
		if !ok {
			continue
		}
		if g.Flaw != nil {
			w.t.Errorf("a webhook to %s: %v", g.Path, g.Flaw)
		}
		out = append(out, arrival{lane: s.lane(g.Account), step: step{g.Event, g.Sequence}, id: g.ID, door: g.Door, accepted: g.Accepted})
	}
	return out
}

// records reads what the holders of subscriptions have stored, up to where
// every delivery that the receiver accepted is on record.
func (w *world) records(came []arrival, subs ...wanted) (out []record) {
	w.t.Helper()
	open := map[string]map[string]bool{}
	for _, a := range came {
		if open[a.subscription] == nil {
			open[a.subscription] = map[string]bool{}
		}
		if a.accepted {
			open[a.subscription][a.id] = true
		}
	}
	for _, s := range subs {
		if len(open[s.id]) == 0 {
			continue
		}
		w.read(topology.Outcomes, subject.OrderedOutcomesOf(delivery.Webhook, s.owner, s.id), func(m jetstream.Msg) bool {
			r := w.record(m)
			r.subscription = s.id
			delete(open[s.id], r.delivered)
			out = append(out, r)
			return len(open[s.id]) == 0
		})
	}
	return out
}

func (w *world) record(m jetstream.Msg) record {
	w.t.Helper()
	at, err := position.Decode([]byte(m.Headers().Get(topology.HeaderPosition)))
	if err != nil {
		w.t.Fatal(err)
	}
	r := record{epoch: at.Epoch, watermark: at.Watermark}
	if len(m.Data()) == 0 {
		return r // a note
	}
	var o delivery.Outcome
	if err := json.Unmarshal(m.Data(), &o); err != nil {
		w.t.Fatal(err)
	}
	if o.Result == delivery.Delivered {
		r.delivered = o.Delivery.ID
	}
	return r
}

// read hands the messages of a stream to see until it has enough.
func (w *world) read(stream, filter string, see func(jetstream.Msg) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	c, err := w.js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{FilterSubjects: []string{filter}})
	if err != nil {
		w.t.Fatal(err)
	}
	it, err := c.Messages()
	if err != nil {
		w.t.Fatal(err)
	}
	defer it.Stop()
	for {
		m, err := it.Next(jetstream.NextContext(ctx))
		if err != nil {
			w.t.Fatalf("read %s: %v", stream, err)
		}
		if see(m) {
			return
		}
	}
}
