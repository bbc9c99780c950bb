package webhooksender_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func (r *rig) try(q probe.Question) probe.Report {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	report, err := probe.Ask[probe.Report](ctx, probe.Asker{NATS: r.srv.Conn(r.t), Channel: delivery.Webhook}, "q1", q)
	r.must(err)
	return report
}

// lines are header lines by name, in lower case.
func lines(all []probe.Line) map[string]string {
	out := map[string]string{}
	for _, l := range all {
		out[strings.ToLower(l.Name)] = l.Value
	}
	return out
}

const bearer = "canary-of-the-bearer"

// secured is an endpoint with a bearer token and a subscription that adds a
// header.
func (r *rig) secured() {
	r.t.Helper()
	token := secret.NewText(bearer)
	r.authSecret = &token
	r.endpoint("a", func(e *endpoint.Spec, s *subscription.Spec) {
		e.Auth = &endpoint.Auth{Scheme: endpoint.Bearer}
		s.Webhook.Parameters = []subscription.Parameter{
			{Name: "total", Token: "Invoice.Total"}, {Name: "X-Invoice", In: subscription.InHeader, Token: "Invoice.Number"},
		}
	})
}

func TestATrialTellsWhatWasSentAndWhatCameBackWithoutSecrets(t *testing.T) {
	r := newRig(t)
	r.secured()
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		w.Header().Set("X-Echo", req.Header.Get("Authorization"))
		_, _ = io.WriteString(w, "you sent "+req.Header.Get("Authorization"))
	})
	r.run(config())
	got := r.try(probe.Question{Owner: acme, Endpoint: "a", EventType: "invoice.posted", Subscription: "a"})
	request := r.receiver.requests()[0]
	if request.verified != nil || request.extra == "" || !strings.HasPrefix(request.id, "test_") {
		t.Errorf("%+v", request)
	}
	sent := lines(got.Request.Header)
	if got.Request.URL != "https://"+host+"/a" || got.Request.Method != http.MethodPost || got.Request.Body != request.body ||
		sent["webhook-id"] != request.id || sent["webhook-signature"] != request.signature || sent["x-invoice"] != request.extra ||
		sent["billhook-test"] != "true" || sent["authorization"] != secret.Mask {
		t.Errorf("%+v", got.Request)
	}
	if got.Reason != "" || got.Response.Status != http.StatusOK || got.Response.Body != "you sent Bearer "+secret.Mask ||
		lines(got.Response.Header)["x-echo"] != secret.Mask {
		t.Errorf("%+v", got)
	}
	for name, took := range map[string]bool{
		"connect": got.Timing.Connect > 0, "tls": got.Timing.TLS > 0, "first byte": got.Timing.FirstByte > 0,
		"total": got.Timing.Total >= got.Timing.Connect+got.Timing.TLS,
	} {
		if !took {
			t.Errorf("%s: %+v", name, got.Timing)
		}
	}
}

// Tried twice, the way is gone twice: by connections of their own.
func TestATrialIsNoDelivery(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.down()
	r.run(config())
	for range 2 {
		got := r.try(probe.Question{Owner: acme, Endpoint: "a", EventType: "invoice.overdue"})
		if got.Reason != "status_500" || got.Timing.TLS == 0 {
			t.Errorf("%+v", got)
		}
	}
	for _, stream := range []string{topology.Outcomes, topology.Retries, topology.Parked, topology.Deliveries} {
		if n := r.count(stream); n != 0 {
			t.Errorf("%s has %d messages", stream, n)
		}
	}
	if n := len(r.receiver.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestATrialThatCannotBeSentSaysWhy(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.endpoint("off", func(e *endpoint.Spec, _ *subscription.Spec) { e.Disabled = true })
	r.run(config())
	for reason, q := range map[string]probe.Question{
		"malformed":            {Owner: acme, Endpoint: "a.b", EventType: "invoice.posted"},
		"endpoint_unknown":     {Owner: "other", Endpoint: "a", EventType: "invoice.posted"},
		"endpoint_disabled":    {Owner: acme, Endpoint: "off", EventType: "invoice.posted"},
		"event_type_unknown":   {Owner: acme, Endpoint: "a", EventType: "invoice.sold"},
		"event_type_unwanted":  {Owner: acme, Endpoint: "a", EventType: "invoice.overdue", Subscription: "a"},
		"subscription_unknown": {Owner: acme, Endpoint: "a", EventType: "invoice.posted", Subscription: "b"},
	} {
		if got := r.try(q); got.Refused == nil || got.Refused.Reason != reason || got.Refused.Passing != (reason == "endpoint_unknown" || reason == "subscription_unknown") {
			t.Errorf("%s: %+v", reason, got.Refused)
		}
	}
	if n := len(r.receiver.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// An answer goes where answers belong: who asks cannot have the sender write
// into a stream.
func TestAnAnswerIsWrittenNowhereElse(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	nc := r.srv.Conn(t)
	for _, reply := range []string{
		topology.BucketKey(topology.Endpoints, "acme.a"), subject.Outcome(delivery.Webhook, delivery.Delivered, acme, "a"),
		"probes.answer.webhook", "probes.answer.webhook.a.b",
	} {
		q := `{"owner":"acme","endpoint":"none","event_type":"invoice.posted"}`
		r.must(nc.PublishMsg(&nats.Msg{Subject: subject.ProbeAsk(delivery.Webhook), Reply: reply, Data: []byte(q)}))
	}
	// Questions are answered in the order in which they came, or told that all are busy.
	r.try(probe.Question{Owner: acme, Endpoint: "none", EventType: "invoice.posted"})
	if n := r.count(topology.Outcomes); n != 0 {
		t.Errorf("%d messages in OUTCOMES", n)
	}
	s, err := r.js.Stream(t.Context(), topology.BucketStream(topology.Endpoints))
	r.must(err)
	if n := s.CachedInfo().State.LastSeq; n != 1 {
		t.Errorf("the bucket of endpoints was written %d times", n)
	}
}
