package acceptance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/services/billhook/demo"
	"github.com/billhook/billhook/services/billhook/mailcatcher"
	"github.com/billhook/billhook/services/billhook/receiver"
	"github.com/billhook/billhook/tests/harness"
)

const changingSeed = `kind: owner
id: acme
name: Acme
---
kind: account
owner: acme
id: A-1
name: Northwind
---
kind: smtp-settings
owner: acme
id: relay
name: Relay
host: ` + demo.BillingRelay + demo.MailDomain + `
port: 587
from_address: billing@acme-telecom.com
username: ` + demo.BillingRelay + `
password: only-for-the-demo-1
---
kind: canned-email
owner: acme
id: letter
name: Letter
subject: none
text: "{{Account.Name}}"
to: [{address: archive@acme-telecom.com}]
---
kind: endpoint
owner: acme
id: crm
name: CRM
url: https://` + demo.WebhookHost + `/none
---
kind: subscription
owner: acme
id: hook
name: By webhook
events: [account.created]
channel: webhook
webhook: {endpoint: crm, parameters: [{name: mark, literal: none}]}
---
kind: subscription
owner: acme
id: mail
name: By email
events: [account.updated]
channel: email
email: {canned_email: letter}
`

// changing is a running product of which things are changed.
type changing struct {
	*world
	key, secret string
	// webhooks and mails are what arrived.
	webhooks chan receiver.Received
	mails    chan mailcatcher.Caught
	events   int
}

func openChanging(t testing.TB, builder *harness.Builder, start begin) *changing {
	t.Helper()
	c := &changing{
		world:    &world{bin: builder.Build(t), data: t.TempDir()},
		webhooks: make(chan receiver.Received, 100), mails: make(chan mailcatcher.Caught, 100),
	}
	c.receive(t, start, noted{func(r receiver.Received) { c.webhooks <- r }, func(m mailcatcher.Caught) { c.mails <- m }})
	c.secret = secretLine.FindStringSubmatch(c.run(t, changingSeed, "apply", "-f", "-"))[1]
	c.key = strings.TrimSpace(lastLine(c.run(t, "", "keys", "create", "--owner", "acme", "--role", "editor")))
	c.expect(t, "/none")
	return c
}

func (c *changing) expect(t testing.TB, path string) {
	t.Helper()
	if err := c.receivers.Web.Expect(path, c.secret); err != nil {
		t.Fatal(err)
	}
}

// change is one thing that is changed.
type change struct {
	path string
	// to is the patch that marks it.
	to func(mark string) string
	// event is what shows the change.
	event string
}

func changes() []change {
	return []change{
		{"subscriptions/hook", func(mark string) string {
			return `{"webhook": {"parameters": [{"name": "mark", "literal": "` + mark + `"}]}}`
		}, "account.created"},
		{"endpoints/crm", func(mark string) string { return `{"url": "https://` + demo.WebhookHost + `/` + mark + `"}` }, "account.created"},
		{"canned-emails/letter", func(mark string) string { return `{"subject": "` + mark + `"}` }, "account.updated"},
	}
}

// reach changes something over the API, publishes events one after another until
// one is treated as the change says, and returns how long that took.
func (c *changing) reach(t testing.TB, what change, mark string) time.Duration {
	t.Helper()
	c.expect(t, "/"+mark)
	began := time.Now()
	c.patch(t, what.path, what.to(mark))
	for tries := 1; ; tries++ {
		c.events++
		id := fmt.Sprintf("evt_%d", c.events)
		c.publish(t, demo.Event{ID: id, Type: what.event, Time: time.Now(), Account: "A-1"})
		seen := c.next(t, what.event, id)
		took := time.Since(began)
		switch {
		case slices.Contains(seen, mark):
			return took
		case took > time.Minute:
			t.Fatalf("%s: %d events in %s show %s, want %s", what.path, tries, took, seen, mark)
		}
	}
}

func (c *changing) patch(t testing.TB, path, body string) {
	t.Helper()
	c.ask(t, request{http.MethodPatch, path, "application/merge-patch+json", body})
}

// request is one to the API about a thing of the owner.
type request struct{ method, path, media, body string }

// ask makes a request that must succeed, and returns the answer.
func (c *changing) ask(t testing.TB, q request) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), q.method, c.api+"/v1/owners/acme/"+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.key)
	r.Header.Set("Content-Type", q.media)
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(a.Body)
	_ = a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d: %s", q.path, a.StatusCode, text)
	}
	return string(text)
}

// next waits for what an event becomes, and returns what may be a mark. Nothing
// may come of an earlier event any more: that was treated once already, as things
// were then.
func (c *changing) next(t testing.TB, event, id string) []string {
	t.Helper()
	late := time.After(time.Minute)
	if event == "account.updated" {
		select {
		case got := <-c.mails:
			m, err := mail.ReadMessage(bytes.NewReader(got.Data))
			if err != nil {
				t.Fatal(err)
			}
			return []string{m.Header.Get("Subject")}
		case <-late:
			t.Fatal("no mail for a minute")
		}
	}
	select {
	case got := <-c.webhooks:
		var body struct {
			ID   string
			Data map[string]string
		}
		if err := json.Unmarshal(got.Body, &body); err != nil || got.Verified != nil || body.ID != id {
			t.Fatalf("%v, %v: %s, want event %s", err, got.Verified, got.Body, id)
		}
		return []string{body.Data["mark"], strings.TrimPrefix(got.Path, "/")}
	case <-late:
		t.Fatal("no webhook for a minute")
	}
	return nil
}

// changed holds that what is changed over the API is so for the events after it.
func changed(t *testing.T, b *harness.Builder, start begin) {
	c := openChanging(t, b, start)
	for i, what := range changes() {
		t.Logf("%-22s %s", what.path, c.reach(t, what, fmt.Sprintf("mark%d", i)).Round(100*time.Microsecond))
	}
	t.Run("and what is changed can be tried", c.tried)
}

// BenchmarkAChangeReachesTheNextEvent measures from a request that changes
// something to the arrival of the first event that is treated so, with the
// services apart. A subscription can be changed 64 times: -benchtime 60x.
func BenchmarkAChangeReachesTheNextEvent(b *testing.B) {
	builder := harness.BuilderFor(b)
	for i, what := range changes() {
		b.Run(strings.ReplaceAll(what.path, "/", "-"), func(b *testing.B) {
			c := openChanging(b, builder, apart)
			var took []time.Duration
			for b.Loop() {
				took = append(took, c.reach(b, what, fmt.Sprintf("mark%d-%d", i, len(took))))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
