package acceptance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// readers is an owner that nothing is sent to.
const readers = "readers"

const reader = `kind: owner
id: readers
name: Readers
---
kind: account
owner: readers
id: A-1
name: Northwind
currency: EUR
---
kind: queue
owner: readers
id: ledger
name: Ledger
events: [invoice.posted]
order: ordered
`

var keyText = regexp.MustCompile(`bhk_\S+`)

// readQueue makes a queue and a key of its subscriber, and reads with it what a
// platform publishes.
func (w *world) readQueue(t *testing.T) {
	w.run(t, reader, "apply", "-f", "-")
	key := keyText.FindString(w.run(t, "", "keys", "create", "--owner", readers, "--role", "subscriber", "--queue", "ledger"))
	for _, number := range []string{"Q-1", "Q-2"} {
		w.run(t, "", "publish", "--owner", readers, "--type", "invoice.posted", "--account", "A-1", "--set", "Invoice.Number="+number)
	}
	for _, number := range []string{"Q-1", "Q-2"} {
		var got struct {
			Messages []struct {
				Receipt string
				Event   struct{ Data map[string]string }
			}
		}
		w.ofQueue(t, queueAsk{key, "pull", `{"max": 1, "wait": "30s"}`}, &got)
		if len(got.Messages) != 1 || got.Messages[0].Event.Data["Invoice.Number"] != number {
			t.Fatalf("%+v, want %s", got, number)
		}
		w.ofQueue(t, queueAsk{key, "pull", ""}, &struct{}{}) // nothing while it is out
		var became struct{ Results []struct{ Status string } }
		w.ofQueue(t, queueAsk{key, "ack", `{"receipts": ["` + got.Messages[0].Receipt + `"]}`}, &became)
		if len(became.Results) != 1 || became.Results[0].Status != "acknowledged" {
			t.Fatalf("%+v", became)
		}
	}
	if out := w.run(t, "", "queue", "status", "ledger", "--owner", readers); !strings.Contains(out, " 0 waiting, 0 handed out,") {
		t.Error(out)
	}
}

type queueAsk struct{ key, what, body string }

// ofQueue asks something of the queue, and reads the answer.
func (w *world) ofQueue(t *testing.T, a queueAsk, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.queues+"/v1/owners/"+readers+"/queues/ledger/"+a.what, strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(body, into) != nil {
		t.Fatalf("%s: %d %s %v", a.what, resp.StatusCode, body, err)
	}
}
