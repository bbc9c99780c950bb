package webhooksender_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/subject"
)

// also makes another subscription to an endpoint of acme.
func (r *rig) also(id, to string, order subscription.Order) {
	r.t.Helper()
	_, err := r.store.PutSubscription(r.t.Context(), acme, subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook, Order: order,
		Webhook: &subscription.Webhook{Endpoint: to},
	})
	r.must(err)
}

// countAt counts the requests to a path.
func countAt(got []request, path string) int {
	n := 0
	for _, g := range got {
		if g.path == path {
			n++
		}
	}
	return n
}

// By the order of arrival and a least duration, which noise only makes longer.
func TestAnEndpointIsAskedNoFasterThanItsRateByAllOfItsSubscriptions(t *testing.T) {
	r := newRig(t)
	r.endpoint("throttled", func(e *endpoint.Spec, _ *subscription.Spec) { e.RateLimit = 4 })
	r.also("in-order", "throttled", subscription.OrderedByAccount)
	r.endpoint("free")
	r.run(config())
	const n = 8
	r.send(n, "throttled", "free") // and in order, since the events are in the log
	got := r.receiver.until(t, func(got []request) bool { return countAt(got, "/throttled") == 2*n })
	var first, last time.Time
	free := 0
	for _, g := range got {
		if g.path == "/free" {
			free++
			continue
		}
		if first.IsZero() {
			first = g.at
		}
		last = g.at
	}
	if free != n {
		t.Errorf("%d of %d webhooks of the endpoint without a limit came before the last of the other", free, n)
	}
	if took := last.Sub(first); took < 2500*time.Millisecond {
		t.Errorf("%d requests came within %s, at 4 a second", 2*n, took)
	}
	if again := repeats(got); again != 0 {
		t.Errorf("%d repeats", again)
	}
}

func TestOrderedAndUnorderedWebhooksShareTheInFlightCapOfTheirEndpoint(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = 2 })
	r.also("in-order", "a", subscription.OrderedByAccount)
	var now, most atomic.Int32
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		<-time.After(20 * time.Millisecond)
		now.Add(-1)
		w.WriteHeader(http.StatusNoContent)
	})
	r.run(config())
	r.post(30, "A-1", "A-2", "A-3", "A-4", "A-5", "A-6")
	r.send(30, "a")
	r.receiver.until(t, func(got []request) bool { return len(got) >= 90 })
	if most.Load() > 2 {
		t.Errorf("%d requests at a time at an endpoint of 2", most.Load())
	}
}

// flood puts n deliveries of one event into a partition.
func (r *rig) flood(n, into int, who, sub string) {
	r.t.Helper()
	ev := r.accept(event.Values{"Invoice.Total": event.Str("1.50")})
	for i := range n {
		eventID := fmt.Sprintf("%s_%d", ev.ID, i)
		ref := delivery.Reference{
			ID: delivery.ID(who, sub, eventID, uint64(r.events)), Owner: who, Subscription: sub, Revision: 1,
			EventSeq: uint64(r.events), EventID: eventID, EventType: ev.Type, Account: ev.Account,
		}
		b, err := json.Marshal(ref)
		r.must(err)
		_, err = r.js.PublishAsync(subject.Delivery(delivery.Webhook, into, who, sub), b)
		r.must(err)
	}
	select {
	case <-r.js.PublishAsyncComplete():
	case <-time.After(patience):
		r.t.Fatal("deliveries were not stored")
	}
}

// Owners that share no partition: how those are kept apart that do is another
// matter, since the deliveries of a partition are read in their order.
func TestAFloodOfOneOwnerLeavesThoseOfOtherPartitionsAtTheirPace(t *testing.T) {
	const beta, n = "beta", 4_000
	r := newRig(t)
	r.endpoint("a")
	_, err := r.store.PutOwner(t.Context(), owner.Owner{ID: beta, Name: "Beta"})
	r.must(err)
	made, err := r.store.PutEndpoint(t.Context(), beta, endpoint.Document{Spec: endpoint.Spec{ID: "b", Name: "b", URL: "https://" + host + "/b"}})
	r.must(err)
	r.receiver.expect(t, "/b", made.Issued.Reveal())
	_, err = r.store.PutSubscription(t.Context(), beta, subscription.Spec{
		ID: "b", Name: "b", Events: []string{"invoice.posted"}, Channel: delivery.Webhook, Webhook: &subscription.Webhook{Endpoint: "b"},
	})
	r.must(err)
	r.flood(n, part, acme, "a")
	r.flood(50, 1-part, beta, "b")
	r.run(config())
	got := r.receiver.until(t, func(got []request) bool { return countAt(got, "/b") == 50 })
	if before := countAt(got, "/a"); before > n/2 {
		t.Errorf("%d of a flood of %d came before the 50 webhooks of another owner", before, n)
	}
}
