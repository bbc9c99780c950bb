package webhooksender_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/guard/dnstest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestAWebhookArrivesSignedAndIsRecorded(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	ev := r.accept(event.Values{
		"Invoice.Total": event.Str("12.50"), "Account.Bill Day": event.Int(15), "Contact.Email": event.Str("planted@example.com"),
	})
	r.deliver(ev, 1, "a")
	o := r.finals(1)[0]
	got := r.receiver.requests()[0]
	if got.verified != nil {
		t.Errorf("the public library refuses the signature: %v", got.verified)
	}
	const want = `{"type":"invoice.posted","timestamp":"2026-05-01T12:00:00Z","id":"evt_1","owner":"acme","account":"A-1",` +
		`"data":{"Account.Bill Day":15,"Invoice.Total":"12.50"}}`
	if diff := cmp.Diff(want, got.body); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	id := delivery.ID(acme, "a", "evt_1", 1)
	if got.path != "/a" || got.id != id {
		t.Errorf("webhook %s came to %s", got.id, got.path)
	}
	if o.Result != delivery.Delivered || o.Attempt != 1 || o.Status != 204 || o.Target != "a" || o.Delivery.ID != id ||
		!strings.HasPrefix(o.AttemptID, "att_") || o.Duration <= 0 || o.At.IsZero() {
		t.Errorf("outcome %+v", o)
	}
}

func TestPathAndParametersAreTheSubscriptions(t *testing.T) {
	r := newRig(t)
	fixed := "fixed"
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Webhook.Path = "/in"
		s.Webhook.Parameters = []subscription.Parameter{
			{Name: "total", Token: "Invoice.Total"}, {Name: "kind", Literal: &fixed}, {Name: "owner", Token: "Owner Name"},
		}
	})
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	got := r.receiver.requests()[0]
	if got.path != "/a/in" || !strings.Contains(got.body, `"data":{"total":"0.50","kind":"fixed","owner":"Acme Ltd"}`) {
		t.Errorf("%s to %s", got.body, got.path)
	}
}

func TestACloudEventIsSentAsOneAlsoOnARetryAndALargeBodyWarns(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Webhook.Format = subscription.CloudEvents
		s.Webhook.Parameters = []subscription.Parameter{{Name: "long", Literal: new(strings.Repeat("x", 4<<10))}}
		for i := range 5 {
			s.Webhook.Parameters = append(s.Webhook.Parameters, subscription.Parameter{Name: fmt.Sprint(i), Literal: s.Webhook.Parameters[0].Literal})
		}
	})
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	r.run(config())
	r.send(1, "a")
	all := r.finals(1)
	for i, g := range r.receiver.requests() {
		if g.contentType != "application/cloudevents+json" || !strings.HasPrefix(g.body, `{"specversion":"1.0"`) || g.verified != nil {
			t.Errorf("request %d is %s %.60s %v", i+1, g.contentType, g.body, g.verified)
		}
	}
	if len(all) != 2 || !strings.Contains(all[1].Detail, "over the 20 kB") {
		t.Errorf("outcomes %+v", all)
	}
}

func TestARetryHasTheSameBytesAndIdWithANewSignature(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Webhook.Parameters = []subscription.Parameter{
			{Name: "total", Token: "Invoice.Total"}, {Name: "n", Token: "Invoice.Total", In: subscription.InQuery},
			{Name: "X-Invoice", Template: "total {{Invoice.Total}}", In: subscription.InHeader},
		}
	})
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "not now", http.StatusServiceUnavailable)
		}
	})
	first := r.run(config())
	r.send(1, "a")
	r.outcomes(func(all []delivery.Outcome) bool { return len(all) > 0 })
	first.end()
	events, err := r.js.Stream(t.Context(), topology.Events)
	r.must(err)
	r.must(events.Purge(t.Context())) // the bytes are frozen: nothing is rendered again
	r.run(config())
	all := r.finals(1)
	got := r.receiver.requests()
	if len(got) != 3 || len(all) != 3 {
		t.Fatalf("%d requests, %d outcomes", len(got), len(all))
	}
	for i, g := range got {
		o := all[i]
		if g.id != got[0].id || g.body != got[0].body || g.query != "n=0.50" || g.extra != "total 0.50" || g.verified != nil {
			t.Errorf("request %d: %+v", i+1, g)
		}
		if i == 2 {
			break
		}
		if got[i+1].timestamp == g.timestamp || got[i+1].signature == g.signature {
			t.Errorf("request %d repeats timestamp or signature of %d", i+2, i+1)
		}
		if got[i+1].at.Before(o.NextAt) || o.NextAt.Sub(o.At) < time.Second {
			t.Errorf("request %d came before %s, %s after the last", i+2, o.NextAt, o.NextAt.Sub(o.At))
		}
		if o.Result != delivery.Retrying || o.Attempt != i+1 || o.Reason != "status_503" || strings.TrimSpace(o.Response) != "not now" {
			t.Errorf("outcome %d: %+v", i+1, o)
		}
	}
	if all[2].Result != delivery.Delivered || all[2].Attempt != 3 {
		t.Errorf("last outcome %+v", all[2])
	}
	if r.count(topology.Parked) != 0 {
		t.Error("something is parked")
	}
}

func TestWhatIsGivenUpIsParkedWithItsBytes(t *testing.T) {
	for name, c := range map[string]struct {
		status, attempts int
		reason           string
	}{
		"schedule used up":       {500, 2, "status_500"},
		"410 ends it at once":    {410, 1, "gone"},
		"redirects not followed": {302, 2, "redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0, time.Millisecond} })
			r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(c.status)
			})
			r.run(config())
			r.send(1, "a")
			all := r.finals(1)
			last := all[len(all)-1]
			if last.Result != delivery.Parked || last.Reason != c.reason || last.Attempt != c.attempts || !last.NextAt.IsZero() {
				t.Errorf("last outcome %+v", last)
			}
			got := r.receiver.requests()
			if len(got) != c.attempts {
				t.Errorf("%d requests: %+v", len(got), got)
			}
			r.read(topology.Parked, func(m jetstream.Msg) bool {
				h := m.Headers()
				if m.Subject() != subject.Parked(delivery.Webhook, acme, "a") || string(m.Data()) != got[0].body ||
					h.Get("Billhook-Reason") != c.reason || h.Get("Billhook-Attempts") != fmt.Sprint(c.attempts) ||
					h.Get("Billhook-Endpoint") != "a" {
					t.Errorf("parked %s %v %s", m.Subject(), h, m.Data())
				}
				return true
			}, func() string { return "nothing" })
		})
	}
}

func TestAnAddressInsideIsRefusedWithoutAConnection(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0} })
	var connections atomic.Int32
	r.receiver.srv.Config.ConnState = func(net.Conn, http.ConnState) { connections.Add(1) }
	r.run(config(), func(_ *instance, d *webhooksender.Deps) {
		// The name leads inside, and no override allows it.
		d.Policy = &guard.Policy{Resolver: dnstest.Start(t, dnstest.To("127.0.0.1")).Resolver()}
	})
	r.send(1, "a")
	o := r.finals(1)[0]
	if o.Reason != "address_not_allowed" || o.Detail != "address not allowed" || o.Result != delivery.Parked {
		t.Errorf("outcome %+v", o)
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestASlowEndpointDoesNotHoldUpAnother(t *testing.T) {
	r := newRig(t)
	r.endpoint("slow")
	r.endpoint("fast")
	hold := make(chan struct{})
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			select {
			case <-hold:
			case <-req.Context().Done():
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	defer close(hold)
	cfg := config()
	cfg.Patience, cfg.HeaderTimeout, cfg.Timeout = 200*time.Millisecond, 2*patience, 2*patience
	r.run(cfg)
	r.send(300, "slow")
	begin := time.Now()
	r.send(100, "fast")
	r.receiver.until(t, func(got []request) bool {
		fast := 0
		for _, g := range got {
			if g.path == "/fast" {
				fast++
			}
		}
		return fast == 100
	})
	t.Logf("100 webhooks beside a hanging endpoint took %s", time.Since(begin))
	for _, o := range r.finals(100) {
		if o.Delivery.Subscription != "fast" || o.Result != delivery.Delivered || o.Attempt != 1 {
			t.Fatalf("outcome %+v", o)
		}
	}
}

func TestDeliveriesThatArePutOffArriveAndTakeNoAttempt(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = 1 })
	var slow atomic.Bool
	slow.Store(true)
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		if slow.Load() {
			<-time.After(400 * time.Millisecond)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	cfg := config()
	cfg.Waiting, cfg.Concurrency, cfg.MaxAckPending, cfg.Patience = 2, 2, 8, 200*time.Millisecond
	r.run(cfg)
	r.send(12, "a")
	r.receiver.until(t, func(got []request) bool { return len(got) > 2 })
	slow.Store(false)
	all := r.finals(12)
	if len(all) != 12 {
		t.Errorf("%d outcomes", len(all))
	}
	for _, o := range all {
		if o.Result != delivery.Delivered || o.Attempt != 1 {
			t.Errorf("outcome %+v", o)
		}
	}
	if n := repeats(r.receiver.requests()); n != 0 {
		t.Errorf("%d repeats", n)
	}
}

func TestWhatNobodyWantsOrCanGetIsRecordedAndNotSent(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*testing.T, *rig)
		result  delivery.Result
		reason  string
	}{
		"the subscription ended before": {func(t *testing.T, r *rig) {
			_, err := r.store.DeleteSubscription(t.Context(), acme, "a")
			r.must(err)
		}, delivery.Skipped, "subscription_ended"},
		"the subscription is not known": {nil, delivery.Parked, "subscription_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			if c.prepare != nil {
				r.endpoint("a")
				c.prepare(t, r)
			}
			r.run(config())
			r.send(1, "a")
			o := r.finals(1)[0]
			if o.Result != c.result || o.Reason != c.reason || o.Status != 0 {
				t.Errorf("outcome %+v", o)
			}
			if n := len(r.receiver.requests()); n != 0 {
				t.Errorf("%d requests", n)
			}
			if parked := r.count(topology.Parked) == 1; parked != (c.result == delivery.Parked) {
				t.Errorf("parked: %v", parked)
			}
		})
	}
}

func TestAnExpiredEventIsParked(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.send(3, "a")
	s, err := r.js.Stream(t.Context(), topology.Events)
	r.must(err)
	r.must(s.Purge(t.Context(), jetstream.WithPurgeSequence(3)))
	r.run(config())
	want := map[string]delivery.Result{"evt_1": delivery.Parked, "evt_2": delivery.Parked, "evt_3": delivery.Delivered}
	for _, o := range r.finals(3) {
		if o.Result != want[o.Delivery.EventID] || o.Result == delivery.Parked && o.Reason != "event_expired" {
			t.Errorf("outcome %+v", o)
		}
	}
}

func TestABodyThatIsTooLargeIsParked(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		for i := range 3 {
			s.Webhook.Parameters = append(s.Webhook.Parameters, subscription.Parameter{Name: fmt.Sprint("p", i), Token: "Invoice.Number"})
		}
	})
	r.run(config())
	r.deliver(r.accept(event.Values{"Invoice.Number": event.Str(strings.Repeat("x", 100<<10))}), 1, "a")
	o := r.finals(1)[0]
	if o.Result != delivery.Parked || o.Reason != "body_too_large" || len(r.receiver.requests()) != 0 {
		t.Errorf("outcome %+v", o)
	}
}

func TestADeliveryThatCannotBeReadIsParked(t *testing.T) {
	r := newRig(t)
	r.run(config())
	_, err := r.js.Publish(t.Context(), subject.Delivery(delivery.Webhook, part, acme, "a"), []byte("no JSON"))
	r.must(err)
	if o := r.finals(1)[0]; o.Result != delivery.Parked || o.Reason != "malformed" {
		t.Errorf("outcome %+v", o)
	}
	if r.count(topology.Parked) != 1 {
		t.Error("not parked")
	}
}

func TestConfigurationAndEventThatAreLaterThanTheDeliveryAreWaitedFor(t *testing.T) {
	r := newRig(t)
	r.run(config())
	r.deliver(&event.Event{ID: "evt_1", Type: "invoice.posted"}, 1, "a")
	r.endpoint("a")
	r.accept(event.Values{"Invoice.Total": event.Str("1.00")})
	if o := r.finals(1)[0]; o.Result != delivery.Delivered || o.Attempt != 1 {
		t.Errorf("outcome %+v", o)
	}
}
