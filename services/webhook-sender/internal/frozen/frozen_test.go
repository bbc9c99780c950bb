package frozen_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/webhook-sender/internal/frozen"
	"github.com/billhook/billhook/shared/delivery"
)

func TestAFrozenWebhookComesBackByteForByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := frozen.Webhook{
			Reference: delivery.Reference{
				ID: "dlv_1", Owner: "acme", Subscription: rapid.StringMatching(`[a-z0-9_-]{1,64}`).Draw(t, "sub"),
				Revision: rapid.IntRange(1, 1<<30).Draw(t, "rev"), EventSeq: rapid.Uint64().Draw(t, "seq"),
				EventID: "evt_1", EventType: "invoice.posted", Account: rapid.String().Draw(t, "account"),
			},
			Attempts: rapid.IntRange(0, 20).Draw(t, "attempts"),
			Endpoint: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "endpoint"),
			Path:     rapid.StringMatching(`(/[a-z%0-9]{1,9}){0,3}`).Draw(t, "path"),
			Body:     rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		h, data, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := frozen.Decode(h, data)
		if err != nil {
			t.Fatal(err)
		}
		// Text that is no UTF-8 cannot be in a reference; rapid draws none.
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAMessageOfAnotherFormIsRefused(t *testing.T) {
	for name, h := range map[string]nats.Header{
		"no headers":  nil,
		"no attempts": {frozen.HeaderDelivery: {`{"id":"dlv_1"}`}},
		"negative":    {frozen.HeaderDelivery: {`{"id":"dlv_1"}`}, frozen.HeaderAttempts: {"-1"}},
		"no JSON":     {frozen.HeaderDelivery: {"dlv_1"}, frozen.HeaderAttempts: {"1"}},
	} {
		t.Run(name, func(t *testing.T) {
			if w, err := frozen.Decode(h, nil); err == nil {
				t.Fatalf("read %+v", w)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(`{"id":"dlv_1"}`, "1", []byte("{}"))
	f.Fuzz(func(_ *testing.T, ref, attempts string, data []byte) {
		_, _ = frozen.Decode(nats.Header{frozen.HeaderDelivery: {ref}, frozen.HeaderAttempts: {attempts}}, data)
	})
}
