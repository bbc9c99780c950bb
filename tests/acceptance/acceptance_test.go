package acceptance_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

func TestAcceptance(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	builder := harness.BuilderFor(t)
	for name, start := range map[string]begin{"all in one": allInOne, "apart": apart} {
		t.Run(name, func(t *testing.T) { suite(t, open(t, builder, start)) })
		t.Run("a change over the API reaches the next events, "+name, func(t *testing.T) { changed(t, builder, start) })
	}
	t.Run("a generated client sets up the demo", func(t *testing.T) { setUpByClient(t, open(t, builder, allInOne)) })
}

// suite is what must hold however the product is run.
func suite(t *testing.T, w *world) {
	scenario, err := demo.New(time.Now(), 8*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	w.board = demo.NewBoard(scenario.Expected)
	w.seed(t, scenario)

	t.Run("every event arrives as its webhook and its email", func(t *testing.T) { w.playAll(t, scenario) })
	t.Run("applying the same file again changes nothing", func(t *testing.T) {
		out := w.run(t, strings.Replace(scenario.Seed, "default: true\n", "", 1), "apply", "-f", "-")
		if strings.Contains(out, "created") || strings.Contains(out, "updated") {
			t.Errorf("a second apply changed something:\n%s", out)
		}
	})
	t.Run("a bad file is refused with its line and nothing is saved", func(t *testing.T) { w.badFile(t) })
	t.Run("events over HTTP need a key of their owner", func(t *testing.T) { w.overHTTP(t) })
	t.Run("a refused event is kept with its reason and place", func(t *testing.T) { w.rejected(t) })
	t.Run("what comes for a disabled endpoint waits, and arrives once it is enabled", func(t *testing.T) { w.away(t) })
	t.Run("a queue is read in order by the key of its subscriber", func(t *testing.T) { w.readQueue(t) })
	t.Run("check finds every service and nothing to mend", func(t *testing.T) { w.check(t) })
	if strange := w.board.Strange(); len(strange) > 0 {
		t.Errorf("arrived although nobody expected it: %v", strange)
	}
}

// serviceReady is the line of a service that is ready.
var serviceReady = regexp.MustCompile(`(?m)^(ingest|matcher|webhook-sender|mailer|scheduler|console|queue) .* ready$`)

var secretLine = regexp.MustCompile(`shown this once: (whsec_\S+)`)

func (w *world) seed(t *testing.T, s demo.Scenario) {
	t.Helper()
	m := secretLine.FindStringSubmatch(w.run(t, s.Seed, "apply", "-f", "-"))
	if m == nil {
		t.Fatal("apply issued no signing secret")
	}
	for _, e := range s.Expected {
		if e.Channel == delivery.Webhook {
			if err := w.receivers.Web.Expect(demo.WebhookBase+"/"+e.Type, m[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (w *world) playAll(t *testing.T, s demo.Scenario) {
	var last demo.Event
	for _, e := range s.Events {
		if e.Type == demo.AfterChange {
			last = e
			continue
		}
		w.publish(t, e)
	}
	w.until(t, "the mail before the change", func() bool { return w.board.HasType(delivery.Email, "account.status_change") })
	w.run(t, demo.ChangeDefault, "apply", "-f", "-")
	w.publish(t, last)
	w.until(t, "everything", func() bool { return len(w.board.Missing()) == 0 })
}

// check waits until every service is said to be ready: whoever answers late is
// not in the first list.
func (w *world) check(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; {
		out := w.run(t, "", "check")
		if len(serviceReady.FindAllString(out, -1)) == len(harness.Services()) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not every service is ready:\n%s", out)
		}
	}
}

func (w *world) publish(t testing.TB, e demo.Event) {
	t.Helper()
	body, err := e.Body()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.js.Publish(t.Context(), subject.Platform(demo.Owner, e.Type), body); err != nil {
		t.Fatal(err)
	}
}

func (w *world) badFile(t *testing.T) {
	const bad = `kind: owner
id: other
name: Other
---
kind: endpoint
owner: other
id: hook
name: Hook
url: http://example.com:8443/x
`
	out, status := w.try(t, bad, "apply", "-f", "-")
	if status != 2 || !strings.Contains(out, "line 9") || !strings.Contains(out, "/url") {
		t.Errorf("status %d, want 2 with the place of the url:\n%s", status, out)
	}
	kv, err := w.js.KeyValue(t.Context(), topology.Owners)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Get(t.Context(), "other"); err == nil {
		t.Error("the owner of the refused file was saved")
	}
}

func (w *world) overHTTP(t *testing.T) {
	key := strings.TrimSpace(lastLine(w.run(t, "", "keys", "create", "--owner", demo.Owner, "--role", "publisher")))
	good := `{"id":"http_1","type":"account.created","time":"2026-11-23T09:30:00Z","account":"A-1001","data":{}}`
	for name, c := range map[string]struct {
		owner, key, body string
		want             int
	}{
		"right":         {demo.Owner, key, good, http.StatusAccepted},
		"no key":        {demo.Owner, "", good, http.StatusUnauthorized},
		"wrong key":     {demo.Owner, key[:len(key)-1] + "x", good, http.StatusUnauthorized},
		"another owner": {"other", key, good, http.StatusNotFound},
		"bad event":     {demo.Owner, key, strings.Replace(good, `"data":{}`, `"data":{"Account.Nam":"x"}`, 1), http.StatusUnprocessableEntity},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http+"/v1/owners/"+c.owner+"/events", strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if c.key != "" {
			req.Header.Set("Authorization", "Bearer "+c.key)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		_, _ = body.ReadFrom(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d: %s", name, resp.StatusCode, c.want, body.String())
		}
		if name == "bad event" && !strings.Contains(body.String(), "Account.Name") {
			t.Errorf("the refusal does not name the nearest token: %s", body.String())
		}
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}

func (w *world) rejected(t *testing.T) {
	bad := `{"id":"bad_1","time":"2026-11-23T09:30:00Z","data":{"BillRun.EndTime":"2026-11-23T09:30:00Z"}}`
	if _, err := w.js.Publish(t.Context(), subject.Platform(demo.Owner, "bill_run.started"), []byte(bad)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := w.js.OrderedConsumer(ctx, topology.Rejected, jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	msg, err := c.Next()
	if err != nil {
		t.Fatal(err)
	}
	var record map[string]any
	if err := json.Unmarshal(msg.Data(), &record); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(msg.Data()), "/data/BillRun.EndTime") {
		t.Errorf("the record does not point at the member: %s", msg.Data())
	}
	events, err := w.js.OrderedConsumer(ctx, topology.Events, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{subject.EventsOfOwner(demo.Owner, string(notice.EventRejected))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if msg, err = events.Next(jetstream.FetchContext(ctx)); err != nil {
		t.Fatalf("the owner is not told: %v", err)
	}
	if told, err := event.Decode(msg.Data()); err != nil || told.Data.Text("Operation.Reason") != "malformed" {
		t.Errorf("the owner is told %s", msg.Data())
	}
}

// crm is the endpoint of the scenario.
const crm = "crm"

// away needs what the sender is permitted for the states of endpoints, for
// reading DELIVERIES again, and for leases.
func (w *world) away(t *testing.T) {
	endpoint := []string{"--owner", demo.Owner}
	w.run(t, "", append([]string{"endpoints", "disable", crm}, endpoint...)...)
	event := `{"id":"away_1","time":"2026-11-23T09:30:00Z","account":"A-1001","data":{}}`
	if _, err := w.js.Publish(t.Context(), subject.Platform(demo.Owner, "account.cancellation"), []byte(event)); err != nil {
		t.Fatal(err)
	}
	w.says(t, regexp.MustCompile(crm+` +disabled .* disabled_by_owner +[1-9]`), append([]string{"endpoints", "status"}, endpoint...)...)
	w.run(t, "", append([]string{"endpoints", "enable", crm}, endpoint...)...)
	w.says(t, regexp.MustCompile(`away_1 .* 1 +delivered`), "deliveries", "--owner", demo.Owner, "--event", "away_1")
	w.says(t, regexp.MustCompile(crm+` +closed`), append([]string{"endpoints", "status"}, endpoint...)...)
}

// says runs a command until what it prints matches.
func (w *world) says(t *testing.T, want *regexp.Regexp, args ...string) {
	t.Helper()
	var out string
	for range 300 {
		if out = w.run(t, "", args...); want.MatchString(out) {
			return
		}
	}
	t.Fatalf("%v never said %s, but:\n%s", args, want, out)
}
