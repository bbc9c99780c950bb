package webhooksender_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/notice"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// told is an operational event as it lies in INBOX.
type told struct {
	kind, owner string
	data        event.Values
}

// notices reads INBOX until enough says so.
func (r *rig) notices(enough func([]told) bool) []told {
	r.t.Helper()
	var all []told
	r.read(topology.Inbox, func(m jetstream.Msg) bool {
		at, err := subject.ParseInbox(m.Subject())
		r.must(err)
		var body struct{ Data event.Values }
		r.must(json.Unmarshal(m.Data(), &body))
		all = append(all, told{at.Type, at.Owner, body.Data})
		return enough(all)
	}, func() string { return "too few operational events" })
	return all
}

func first(n int) func([]told) bool { return func(all []told) bool { return len(all) >= n } }

func failing(_ int, w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusInternalServerError)
}

func TestAnOwnerIsToldOfParkedWebhooksOncePerSubscriptionWithTheirNumber(t *testing.T) {
	r := newRig(t)
	r.window = 3 * time.Second
	for _, id := range []string{"a", "b"} {
		r.endpoint(id, func(e *endpoint.Spec, s *subscription.Spec) { e.Retry, s.Name = backoff.Schedule{0}, "Invoices to "+id })
	}
	r.receiver.answers(failing)
	r.run(config())
	r.send(10, "a", "b")
	counts := map[string]int64{}
	all := r.notices(func(all []told) bool {
		clear(counts)
		for _, n := range all {
			var count int64
			r.must(json.Unmarshal([]byte(n.data.Text("Operation.Count")), &count))
			counts[n.data.Text("Operation.Id")] += count
		}
		return counts["a"] >= 10 && counts["b"] >= 10
	})
	for _, n := range all {
		id := n.data.Text("Operation.Id")
		if n.kind != "delivery.parked" || n.owner != acme || n.data.Text("Operation.Reason") != "status_500" ||
			n.data.Text("Operation.Name") != "Invoices to "+id || n.data.Text("Operation.Kind") != n.kind {
			t.Errorf("told %+v", n)
		}
	}
	if counts["a"] != 10 || counts["b"] != 10 {
		t.Errorf("told of %v parked deliveries, want 10 of each subscription", counts)
	}
	if len(all) > 10 {
		t.Errorf("%d operational events about 20 deliveries of two subscriptions", len(all))
	}
}

// operational has n operational events delivered to a subscription.
func (r *rig) operational(n int, sub string) {
	r.t.Helper()
	for range n {
		r.events++
		ev := &event.Event{
			ID: "evt_notice_" + string(rune('a'+r.events)), Type: string(notice.DeliveryParked), Owner: acme,
			Time: time.Now(), Data: event.Values{"Operation.Count": event.Int(1)},
		}
		b, err := ev.Encode()
		r.must(err)
		_, err = r.js.Publish(r.t.Context(), subject.Event(part, acme, ev.Type), b)
		r.must(err)
		r.deliver(ev, uint64(r.events), sub)
	}
}

// The receiver of notices fails too: of that nothing is told, or each notice
// would lead to the next one.
func TestNothingIsToldOfAFailedNotice(t *testing.T) {
	r := newRig(t)
	r.window = time.Millisecond // nothing is held back
	once := func(e *endpoint.Spec, s *subscription.Spec) {
		e.Retry, s.Events = backoff.Schedule{0}, append(s.Events, string(notice.DeliveryParked))
	}
	r.endpoint("unordered", once)
	r.endpoint("ordered", once, func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Order, s.Head = subscription.Ordered, subscription.Park
	})
	r.receiver.answers(failing)
	sender := r.run(config())
	const n = 5
	r.operational(n, "unordered")
	r.outcomes(func(all []delivery.Outcome) bool {
		parked := 0
		for _, o := range all {
			if o.Result == delivery.Parked {
				parked++
			}
		}
		return parked == 2*n
	})
	sender.end() // it tells what there is to tell
	if got := r.count(topology.Inbox); got != 0 {
		t.Errorf("%d operational events about %d failed deliveries of one", got, 2*n)
	}
}

func TestNothingIsToldOfAnEndpointThatNoticesThemselvesClose(t *testing.T) {
	r := newRig(t)
	r.window = time.Millisecond
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Events = append(s.Events, string(notice.DeliveryParked))
	})
	r.receiver.answers(failing)
	sender := r.run(strict())
	r.operational(5, "a")
	r.becomes("a", phase(breaker.Open))
	sender.end()
	if got := r.count(topology.Inbox); got != 0 {
		t.Errorf("%d operational events about an endpoint that failed to take some", got)
	}
}

func TestAnOwnerIsToldWhenAnOrderedSubscriptionStopsOrGoesOnWithoutADelivery(t *testing.T) {
	r := newRig(t)
	r.inOrder("stops", subscription.Ordered, subscription.Pause)
	r.inOrder("goes-on", subscription.Ordered, subscription.Park)
	r.receiver.answers(failing)
	r.run(config())
	r.post(1, "A-1")
	all := r.notices(first(2))
	kinds := map[string]string{}
	for _, n := range all {
		kinds[n.data.Text("Operation.Id")] = n.kind
		if n.data.Text("Operation.Reason") != "status_500" {
			t.Errorf("told %+v", n)
		}
	}
	if kinds["stops"] != "subscription.paused" || kinds["goes-on"] != "delivery.parked" {
		t.Errorf("told %v", kinds)
	}
}
