package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/mail"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/tests/harness"
)

// run is one run: the processes, and what was seen.
type run struct {
	plan
	bin       harness.Binaries
	server    *natstest.Server
	js        jetstream.JetStream
	receivers *demo.Receivers
	readers   *readers
	develop   []string
	due       time.Time

	mu    sync.Mutex
	hooks map[string]int // requests by webhook id
	of    map[string]string
	mails map[string]int // by Message-ID
	bad   []string
	moved chan struct{}

	// published counts all events, delivered those of them that deliver an
	// invoice and so lead to a plan.
	published, delivered int
}

func start(t *testing.T, b *harness.Builder, p plan) *run {
	t.Helper()
	r := &run{plan: p, bin: b.Build(t, "faults"), hooks: map[string]int{}, of: map[string]string{}, mails: map[string]int{},
		moved: make(chan struct{}, 1)}
	r.readers = newReaders(r.wake)
	t.Cleanup(r.readers.end)
	var err error
	if r.receivers, err = demo.OpenReceivers(time.Now, r.hook, r.mail); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { defer close(served); r.receivers.Run(ctx) }()
	t.Cleanup(func() { stop(); <-served })
	if r.develop, err = r.receivers.Environ(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	r.server = harness.Broker(t, demo.Owner)
	r.js = r.server.JetStream(t, permissiontest.As(permission.Operator)...)
	r.cli(t, "", "setup")
	r.configure(t)
	return r
}

// configure makes one webhook for account events, one mail for credits, two queues
// for both, and the scheduled event for invoices, all of which are due in a while.
func (r *run) configure(t *testing.T) {
	t.Helper()
	r.due = time.Now().Add(45 * time.Second).Truncate(time.Second).UTC()
	doc := fmt.Sprintf(`kind: owner
id: acme
name: Acme
time_zone: Etc/UTC
---
kind: smtp-settings
owner: acme
id: relay
name: Relay
host: %s%s
port: 587
from_address: billing@acme-telecom.com
username: relay
password: only-for-tests
---
kind: canned-email
owner: acme
id: credit
name: Credit
subject: "Credit {{CreditNote.Id}}"
text: "{{CreditNote.Id}}"
to: [{address: ada@northwind.example}]
---
kind: endpoint
owner: acme
id: crm
name: CRM
url: https://%s/chaos
in_flight: %d
retry: ["0s", "1s", "1s", "1s", "1s", "1s", "1s", "1s"]
---
kind: subscription
owner: acme
id: accounts
name: accounts
events: [account.updated]
channel: webhook
webhook: {endpoint: crm}
---
kind: subscription
owner: acme
id: credits
name: credits
events: [credit.processed]
channel: email
email: {canned_email: credit}
---
kind: subscription
owner: acme
id: later
name: later
events: [invoice.delivery_date_plus]
channel: webhook
webhook: {endpoint: crm}
schedule: {days: 1, time: "%s"}
`, demo.BillingRelay, demo.MailDomain, demo.WebhookHost, r.inFlight, r.due.Format(time.TimeOnly)) + queues
	m := regexp.MustCompile(`shown this once: (whsec_\S+)`).FindStringSubmatch(r.cli(t, doc, "apply", "-f", "-"))
	if m == nil {
		t.Fatal("no signing secret was issued")
	}
	if err := r.receivers.Web.Expect("/chaos", m[1]); err != nil {
		t.Fatal(err)
	}
	keys := r.cli(t, "", "keys", "create", "--owner", demo.Owner, "--role", "subscriber", "--queue", "line", "--queue", "crowd")
	if r.readers.key = regexp.MustCompile(`bhk_\S+`).FindString(keys); r.readers.key == "" {
		t.Fatalf("no key was issued: %s", keys)
	}
}

func (r *run) cli(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), r.bin.Path("billhook"), args...)
	cmd.Env = append(append(os.Environ(), harness.Env(r.server, permission.Operator)...), r.develop...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("billhook %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *run) hook(w receiver.Received) {
	var body struct{ ID string }
	err := json.Unmarshal(w.Body, &body)
	r.mu.Lock()
	if err != nil || w.Verified != nil {
		r.bad = append(r.bad, fmt.Sprintf("%s: %v %v", w.Path, err, w.Verified))
	} else {
		id := w.Header.Get("webhook-id")
		r.hooks[id]++
		r.of[id] = body.ID
	}
	r.mu.Unlock()
	r.wake()
}

func (r *run) mail(c mailcatcher.Caught) {
	m, err := mail.ReadMessage(bytes.NewReader(c.Data))
	r.mu.Lock()
	if err != nil {
		r.bad = append(r.bad, err.Error())
	} else {
		r.mails[m.Header.Get("Message-Id")]++
	}
	r.mu.Unlock()
	r.wake()
}

func (r *run) wake() {
	select {
	case r.moved <- struct{}{}:
	default:
	}
}

// arrived is how much has come so far.
func (r *run) arrived() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hooks) + len(r.mails)
}

// victim is an instance of a service, and of that of queues the door.
type victim struct {
	service string
	door    int
}

// victims are an instance of each service, and of that of queues one for each door.
func victims() (all []victim) {
	for _, s := range harness.Services() {
		all = append(all, victim{service: s})
	}
	for door := 1; door < doors; door++ {
		all = append(all, victim{"queue", door})
	}
	return all
}

// killers are the goroutines that kill, one per victim.
type killers struct {
	done   chan struct{}
	result chan tally
}

// killAll starts every service and kills each as often as planned; then each
// runs on to the end of the test.
func (r *run) killAll(t *testing.T) *killers {
	k := &killers{done: make(chan struct{}), result: make(chan tally, 1)}
	var wg sync.WaitGroup
	var mu sync.Mutex
	sum := tally{byService: map[string]int{}}
	for _, v := range victims() {
		chance := rand.New(rand.NewPCG(uint64(1+v.door), uint64(len(v.service)))) //nolint:gosec // chance of a test
		wg.Go(func() {
			for i := range r.kills[v.service] {
				point := ""
				if points := faultPoints[v.service]; i%2 == 0 {
					point = points[i/2%len(points)]
				}
				err := r.killOnce(t, v, point, chance)
				mu.Lock()
				sum = sum.add(v.service, point != "", err)
				mu.Unlock()
				if err != nil {
					return
				}
			}
			if _, err := r.instance(t, v); err != nil {
				mu.Lock()
				defer mu.Unlock()
				sum.err = err
			}
		})
	}
	go func() {
		wg.Wait()
		close(k.done)
		k.result <- sum
	}()
	return k
}

// killOnce runs a service until it is dead: at a fault point, or at a random
// moment under load where there is none.
func (r *run) killOnce(t *testing.T, v victim, point string, chance *rand.Rand) error {
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if v.service == permission.Queue {
		defer r.readers.open(v.door, "")
	}
	if point != "" {
		p, err := r.instance(t, v, "FAULT_POINT="+point, "FAULT_AFTER="+strconv.Itoa(1+chance.IntN(8)))
		if err != nil {
			return err
		}
		select {
		case <-p.Ended():
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s never passed its fault point:\n%s", v.service, p.Log())
		}
	}
	p, err := r.instance(t, v)
	if err != nil {
		return err
	}
	if err := p.Ready(ctx); err != nil {
		return fmt.Errorf("%s: %w\n%s", v.service, err, p.Log())
	}
	timer := time.NewTimer(time.Duration(50+chance.IntN(1500)) * time.Millisecond)
	defer timer.Stop()
	<-timer.C
	p.Kill()
	return nil
}

// instance starts an instance; to one of queues readers come once it is ready.
func (r *run) instance(t *testing.T, v victim, extra ...string) (*harness.Process, error) {
	env := append(harness.Env(r.server, v.service), r.develop...)
	env = append(env, "INGEST_LEASE=2s", "MATCHER_LEASE=2s", "SCHEDULER_LEASE=2s", "WEBHOOK_CONCURRENCY="+strconv.Itoa(r.inFlight))
	p := harness.Run(t, harness.Start{Path: r.bin.Path(v.service), Env: append(env, extra...)})
	if v.service != permission.Queue {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", v.service, err, p.Log())
	}
	r.readers.open(v.door, "http://"+p.Logged("event queues are read over http"))
	return p, nil
}

// publishAll publishes the planned events and goes on until the killing is
// over. Each account's events are numbered.
func (r *run) publishAll(t *testing.T, k *killers) {
	t.Helper()
	pace := time.NewTicker(2 * time.Millisecond)
	defer pace.Stop()
	for range r.invoices {
		r.deliver(t)
	}
	for over := false; r.published < r.events || !over; {
		select {
		case <-k.done:
			over = true
			k.done = nil
		case <-pace.C:
		}
		n := r.published
		if n%50 == 7 {
			r.deliver(t)
			continue
		}
		if n%10 == 0 {
			r.publish(t, "credit.processed", fmt.Sprintf("crd_%d", n), map[string]string{"CreditNote.Id": fmt.Sprintf("C-%d", n)})
			continue
		}
		r.publish(t, "account.updated", fmt.Sprintf("acc_%d", n), nil)
	}
}

// deliver publishes the delivery of an invoice. The first ones fall due
// together, those that come after that moment at once.
func (r *run) deliver(t *testing.T) {
	t.Helper()
	id := strconv.Itoa(r.published)
	r.publish(t, "invoice.delivery", "inv_"+id, map[string]string{
		"Invoice.Id": "I-" + id, "Invoice.DeliveryDate": r.due.AddDate(0, 0, -1).Format(time.RFC3339)})
	r.delivered++
}

func (r *run) publish(t *testing.T, eventType, id string, data map[string]string) {
	t.Helper()
	if data == nil {
		data = map[string]string{}
	}
	body, err := json.Marshal(map[string]any{"id": id, "time": time.Now().UTC(), "data": data,
		"account": fmt.Sprintf("A-%d", r.published%r.accounts)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.js.Publish(t.Context(), subject.Platform(demo.Owner, eventType), body); err != nil {
		t.Fatal(err)
	}
	r.published++
}

// queued is how many events are read from each queue.
func (r *run) queued() int {
	if r.perQueue == 0 {
		return 0
	}
	return r.published - r.delivered
}

// drain waits until everything that must arrive has, and readers are done with all
// of it.
func (r *run) drain(t *testing.T) {
	t.Helper()
	want := r.published // each event but the invoices' leads to one arrival, and so does each plan
	quiet := time.NewTimer(3 * time.Minute)
	defer quiet.Stop()
	for r.arrived() < want || !r.readers.finished(r.queued()) {
		select {
		case <-r.moved:
		case <-quiet.C:
			return // the judges say what lacks
		}
	}
}
