package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

const forgotten = `kind: owner
id: acme
name: Acme
---
kind: account
owner: acme
id: A-1
name: Northwind
---
kind: queue
owner: acme
id: ledger
name: Ledger
events: [invoice.posted]
`

// What a gap is told by is done once, by who finds it: that may be a command.
func TestAnOwnerIsToldOfAGapThatACommandFound(t *testing.T) {
	a := start(t)
	a.must(t, forgotten, "apply", "-f", "-")
	publish := func(number string) {
		a.must(t, "", "publish", "--owner", "acme", "--type", "invoice.posted", "--account", "A-1", "--set", "Invoice.Number="+number)
	}
	publish("I-1")
	publish("I-2")
	a.must(t, "", "queue", "pull", "ledger", "--owner", "acme", "--max", "1", "--for", "20s", "--ack")
	for late := time.Now().Add(30 * time.Second); !strings.Contains(a.must(t, "", "queue", "status", "ledger", "--owner", "acme"), " 1 waiting"); {
		if time.Now().After(late) {
			t.Fatal("the second is not there")
		}
	}
	password, err := os.ReadFile(filepath.Join(a.data, "operator.password"))
	if err != nil {
		t.Fatal(err)
	}
	nc, err := a.login(t, "operator", strings.TrimSpace(string(password)))
	if err != nil {
		t.Fatal(err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream := func(name string) jetstream.Stream {
		s, err := js.Stream(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	gaps, err := nc.SubscribeSync(subject.GapOfQueue("acme", "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream(topology.Events).Purge(t.Context(), jetstream.WithPurgeSequence(100)); err != nil {
		t.Fatal(err)
	}
	publish("I-3")
	if got := a.must(t, "", "queue", "pull", "ledger", "--owner", "acme", "--for", "20s", "--ack"); !strings.Contains(got, "I-3") {
		t.Error(got)
	}
	if _, err := gaps.NextMsg(30 * time.Second); err != nil {
		t.Error(err)
	}
	if _, err := stream(topology.Inbox).GetLastMsgForSubject(t.Context(), "inbox.*.billhook.acme.queue.overtaken"); err != nil {
		t.Error(err)
	}
}
