// Package whole_test measures the services at the greatest size that they are
// made for: 100,000 subscriptions and 1,000,000 accounts. Each runs by itself
// against a broker that has them all.
package whole_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tests/harness"
)

// size is how much there is. Of ten subscriptions one is in order and one is by
// email.
type size struct {
	owners, subscriptions, accounts int
	// rest is how long a ready service is left alone before its memory is read.
	rest time.Duration
}

// TestEveryServiceStartsWithAllThereIs prints how long each service takes to be
// ready, the processor time of that, and its memory then and at its greatest: when
// it first starts, and when it starts again. As a task of its own it does so at
// whole size.
func TestEveryServiceStartsWithAllThereIs(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	n := size{owners: 10, subscriptions: 200, accounts: 1000}
	if os.Getenv("BILLHOOK_WHOLE_SIZE") != "" {
		n = size{owners: 1000, subscriptions: 100_000, accounts: 1_000_000, rest: 5 * time.Second}
	}
	builder := harness.BuilderFor(t)
	bin := builder.Build(t)
	broker := harness.Broker(t)
	setUp := harness.Run(t, harness.Start{Path: bin.Path("billhook"), Args: []string{"setup"}, Env: harness.Env(broker, permission.Operator)})
	if <-setUp.Ended(); setUp.Err() != nil {
		t.Fatalf("%v\n%s", setUp.Err(), setUp.Log())
	}
	n.fill(t, broker)
	key, err := secret.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range harness.Services() {
		env := append(harness.Env(broker, name), "SECRET_KEY="+key.Reveal())
		for _, which := range []string{"the first time", "again"} {
			t.Logf("%-15s %-14s %s", name, which, n.start(t, harness.Start{Path: bin.Path(name), Env: env}))
		}
	}
}

// start starts a service, waits until it is ready, says what that took, and stops
// it.
func (n size) start(t *testing.T, s harness.Start) string {
	t.Helper()
	began := time.Now()
	p := harness.Run(t, s)
	defer p.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Errorf("%v\n%s", err, p.Log())
	}
	took, worked := time.Since(began), processor(p.PID())
	select {
	case <-time.After(n.rest):
	case <-ctx.Done():
	}
	return fmt.Sprintf("ready after %7s, %6s of processor time; memory %s, at most %s",
		took.Round(time.Millisecond), worked, status(p.PID(), "VmRSS"), status(p.PID(), "VmHWM"))
}

// fill stores everything as the store itself would, past the rules.
func (n size) fill(t *testing.T, broker *natstest.Server) {
	t.Helper()
	js := broker.JetStream(t, permissiontest.As(permission.Operator)...)
	began := time.Now()
	put := func(bucket, key, value string) { publish(t, js, topology.BucketKey(bucket, key), value) }
	for o := range n.owners {
		id := fmt.Sprintf("o%d", o)
		put(topology.Owners, id, fmt.Sprintf(`{"id": %q, "name": "Owner %d", "time_zone": "Europe/Berlin"}`, id, o))
		put(topology.Endpoints, id+".erp", `{"id": "erp", "name": "ERP", "url": "https://hooks.example.com/billing", "in_flight": 8}`)
		put(topology.Emails, id+".letter", `{"id": "letter", "name": "Letter", "subject": "Invoice {{Invoice.Number}}", "text": "Your invoice is {{Invoice.Total}}.", "to": [{"contact_type": "billing"}]}`)
	}
	for i := range n.subscriptions {
		to := `"channel": "webhook", "webhook": {"endpoint": "erp", "parameters": [{"name": "number", "in": "body", "token": "Invoice.Number"}]}`
		switch i / n.owners % 10 {
		case 0:
			to += `, "order": "ordered"`
		case 1:
			to = `"channel": "email", "email": {"canned_email": "letter"}`
		}
		put(topology.Subscriptions, fmt.Sprintf("o%d.s%d", i%n.owners, i), fmt.Sprintf(
			`{"id": "s%d", "name": "Subscription %[1]d", "events": ["invoice.posted"], %s, "revision": 1, "versions": [{"revision": 1, "from_seq": 0}]}`, i, to))
	}
	for i := range n.accounts {
		put(topology.Accounts, fmt.Sprintf("o%d.A-%d", i%n.owners, i), fmt.Sprintf(
			`{"id": "A-%d", "name": "Account %[1]d", "status": "Active", "currency": "EUR", "balance": "120.50", "contacts": [{"id": "c", "type": "billing", "first_name": "Ada", "last_name": "Byron", "email": "ada@a%[1]d.example.org"}]}`, i))
	}
	<-js.PublishAsyncComplete()
	t.Logf("%d subscriptions and %d accounts of %d owners stored in %s", n.subscriptions, n.accounts, n.owners, time.Since(began).Round(time.Second))
}

// publish stores a value without waiting.
func publish(t *testing.T, js jetstream.JetStream, subject, value string) {
	t.Helper()
	if js.PublishAsyncPending() > 2000 {
		<-js.PublishAsyncComplete()
	}
	if _, err := js.PublishAsync(subject, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// status is a line of what Linux says of a process, in MiB; empty elsewhere.
func status(pid int, name string) string {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(text), name+":")
	if f := strings.Fields(rest); len(f) > 0 {
		kib, _ := strconv.Atoi(f[0])
		return fmt.Sprintf("%d MiB", kib/1024)
	}
	return ""
}

// processor is the processor time of a process so far; 0 where it is not Linux.
func processor(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // a clock tick, as Linux reports it
}
