package delivery_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/id"
)

// A change of these ids would let a match after an upgrade send again what was
// sent before it.
func TestDeliveryIDsNeverChange(t *testing.T) {
	for _, row := range []struct {
		owner, subscription, event string
		seq                        uint64
		want                       string
	}{
		{"acme", "sub_1", "evt_1", 1, "dlv_sshbrzd3nkium3v776tslc7ovi"},
		{"acme", "sub_1", "evt_1", 2, "dlv_2psqql2n5g5ixskmktkhjxff4a"},
		{"", "", "", 0, "dlv_yxcgjq2rslcyxaylv4dm4zq63e"},
	} {
		if got := delivery.ID(row.owner, row.subscription, row.event, row.seq); got != row.want {
			t.Errorf("ID(%s, %s, %s, %d) = %s, want %s", row.owner, row.subscription, row.event, row.seq, got, row.want)
		}
	}
}

func TestADeliveryIDIsAnIdentifierAndDeterministic(t *testing.T) {
	ids := rapid.StringMatching(`[A-Za-z0-9_-]{1,64}`)
	rapid.Check(t, func(t *rapid.T) {
		owner, subscription, event := ids.Draw(t, "owner"), ids.Draw(t, "subscription"), ids.Draw(t, "event")
		seq := rapid.Uint64().Draw(t, "seq")
		got := delivery.ID(owner, subscription, event, seq)
		if !id.Valid(got) || len(got) != 30 || got[:4] != "dlv_" || got != delivery.ID(owner, subscription, event, seq) {
			t.Fatalf("ID = %s", got)
		}
	})
}

func TestDifferentDeliveriesHaveDifferentIDs(t *testing.T) {
	parts := []string{"a", "b", "ab", "a1", "1"}
	seen := map[string]string{}
	for _, owner := range parts {
		for _, subscription := range parts {
			for _, event := range parts {
				for seq := range uint64(12) {
					what := fmt.Sprint(owner, "|", subscription, "|", event, "|", seq)
					got := delivery.ID(owner, subscription, event, seq)
					if other, ok := seen[got]; ok {
						t.Fatalf("%s and %s are both %s", what, other, got)
					}
					seen[got] = what
				}
			}
		}
	}
}

func TestOnlyAnAttemptPlannedOrUnderWayLeavesADeliveryOpen(t *testing.T) {
	for result, final := range map[delivery.Result]bool{
		delivery.Delivered: true, delivery.Parked: true, delivery.Skipped: true,
		delivery.Retrying: false, delivery.Sending: false,
	} {
		if result.Final() != final {
			t.Errorf("%s: final %v", result, result.Final())
		}
	}
}

func TestAnOutcomeIsReadAsItWasWritten(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 5, 0, 1, time.UTC)
	for _, o := range []delivery.Outcome{
		{
			AttemptID: "att_1", Attempt: 3, Channel: delivery.Webhook, Result: delivery.Retrying, Target: "end_1",
			Delivery: delivery.Reference{ID: "dlv_1", Owner: "acme", Subscription: "sub_1", Revision: 2, EventSeq: 7, EventID: "evt_1", EventType: "invoice.posted"},
			At:       at, Duration: 15 * time.Second, Status: 503, Reason: "status", NextAt: at.Add(time.Hour),
		},
		{Channel: delivery.Email, Result: delivery.Delivered, At: at, Recipients: []delivery.Recipient{
			{Address: "ada@example.com", Result: delivery.Delivered, Status: 250},
		}},
	} {
		b, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var again delivery.Outcome
		if err := json.Unmarshal(b, &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(o, again); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAFinalOutcomePlansNoAttempt(t *testing.T) {
	b, err := json.Marshal(delivery.Outcome{Result: delivery.Delivered})
	var fields map[string]any
	if err != nil || json.Unmarshal(b, &fields) != nil {
		t.Fatal(err)
	}
	if next, ok := fields["next_at"]; ok {
		t.Errorf("next_at = %v", next)
	}
}
