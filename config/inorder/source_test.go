package inorder_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/inorder"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// stored is a subscription in order with two versions, the first of which ended
// with event 10 and has a filter by so many tokens.
func stored(id string, tokens int) *subscription.Subscription {
	spec := subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook, Order: subscription.Ordered,
		Webhook: &subscription.Webhook{Endpoint: "erp"},
	}
	first := spec
	first.Filter = filter.Spec{}
	for i := range tokens {
		first.Filter[fmt.Sprint("Token.", i)] = []filter.Alternative{{Op: filter.Exact, Values: []event.Value{event.Str("x")}}}
	}
	return &subscription.Subscription{Spec: spec, Revision: 2, Versions: []subscription.Version{
		{Revision: 1, FromSeq: 3, UntilSeq: 10, EndedAt: time.Unix(1, 0), Spec: &first},
		{Revision: 2, FromSeq: 10, Spec: &spec},
	}}
}

func TestASubscriptionWithAVersionThatCannotBeJudgedStandsStill(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name != topology.BucketStream(topology.Subscriptions) {
			continue
		}
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	subs := bucket.Open(js, topology.Subscriptions)
	for id, tokens := range map[string]int{"good": filter.MaxTokens, "bad": filter.MaxTokens + 1} {
		value, err := json.Marshal(stored(id, tokens))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := subs.Put(t.Context(), "acme."+id, value, 0); err != nil {
			t.Fatal(err)
		}
	}
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.Watch(t.Context(), directory.Settings{
		JetStream: js, Buckets: []string{topology.Subscriptions}, Catalogue: catalogue, Logger: zerolog.Nop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var log strings.Builder
	source := inorder.NewSource(inorder.Settings{Channel: delivery.Webhook, Directory: dir, Partitions: 4, Log: zerolog.New(&log)})
	for range 2 {
		got := source.Subscriptions()
		if len(got) != 1 || got[0].Subscription != "good" || got[0].Plan.Start != 3 || len(got[0].Plan.Filters) != 1 {
			t.Fatalf("wanted are %+v", got)
		}
	}
	if n := strings.Count(log.String(), "stands still"); n != 1 {
		t.Errorf("said %d times: %s", n, log.String())
	}
}
