package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
)

// happen stores an event of acme and one of other, and an attempt to deliver
// each, as ingest and a sender do.
func (r *rig) happen(t testing.TB) {
	t.Helper()
	for i, owner := range []string{"acme", "other"} {
		e := event.Event{
			ID: "e-" + owner, Type: "invoice.posted", Owner: owner, Account: "A-1", Time: time.Now(),
			Data: event.Values{"Invoice.Number": event.Str("canary-" + owner)},
		}
		data, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		r.publish(t, &nats.Msg{Subject: subject.Event(0, owner, e.Type), Data: data})
		ref := delivery.Reference{
			ID: "dlv_1", Owner: owner, Subscription: "hook", Revision: 1, EventSeq: uint64(i + 1), EventID: e.ID, EventType: e.Type, Account: "A-1",
		}
		o := delivery.Outcome{
			AttemptID: "att_" + owner, Attempt: 1, Delivery: ref, Channel: delivery.Webhook, Result: delivery.Delivered, Target: "erp",
			At: time.Now(), Duration: time.Second, Status: http.StatusOK,
		}
		line, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		h := nats.Header{settle.HeaderAttempt: {"dlv_1/1"}}
		r.publish(t, &nats.Msg{Subject: subject.Outcome(delivery.Webhook, delivery.Delivered, owner, "hook"), Header: h, Data: line})
	}
}

// sendMail stores a mail of acme that was given up by the SMTP settings main, as a
// mailer does.
func (r *rig) sendMail(t testing.TB) {
	t.Helper()
	ref := delivery.Reference{
		ID: "dlv_mail", Owner: "acme", Subscription: "letter", Revision: 1, EventSeq: 1, EventID: "e-acme", EventType: "invoice.posted", Account: "A-1",
	}
	line, err := json.Marshal(delivery.Outcome{
		AttemptID: "att_mail", Attempt: 1, Delivery: ref, Channel: delivery.Email, Result: delivery.Parked, Target: "main", At: time.Now(), Reason: "smtp_550",
	})
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, &nats.Msg{
		Subject: subject.Outcome(delivery.Email, delivery.Parked, "acme", "letter"), Header: nats.Header{settle.HeaderAttempt: {"dlv_mail/1"}}, Data: line,
	})
	w := settle.Work{Delivery: ref, Header: nats.Header{
		settle.HeaderReason: {"smtp_550"}, settle.HeaderTarget: {"main"}, settle.HeaderAttempt: {"dlv_mail/1"},
	}}
	h, data, err := w.Encode()
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, &nats.Msg{Subject: subject.Parked(delivery.Email, "acme", "letter"), Header: h, Data: data})
}

func (r *rig) publish(t testing.TB, m *nats.Msg) {
	t.Helper()
	if _, err := r.js.PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func TestWhatHappenedIsListedAndOnlyToItsOwner(t *testing.T) {
	r := start(t)
	r.happen(t)
	const of = "/v1/owners/acme"
	for _, row := range []struct {
		path string
		want int
		has  string
	}{
		{"/events", 200, "canary-acme"},
		{"/events?type=invoice.posted&account=A-1", 200, "canary-acme"},
		{"/events?account=A-2", 200, `"items":[]`},
		{"/events?until=2020-01-01T00:00:00Z", 200, `"items":[]`},
		{"/events/1", 200, "canary-acme"},
		{"/events/2", 404, "not_found"},
		{"/events/x", 404, "not_found"},
		{"/deliveries", 200, "att_acme"},
		{"/deliveries?subscription=hook&result=delivered&channel=webhook&target=erp&event=invoice.posted", 200, "att_acme"},
		{"/deliveries?result=parked", 200, `"items":[]`},
		{"/deliveries/dlv_1", 200, "att_acme"},
		{"/deliveries/dlv_2", 404, "not_found"},
		{"/parked", 200, `"items":[]`},
	} {
		a := r.do(t, ask{method: "GET", path: of + row.path}).want(t, row.want)
		if !strings.Contains(a.body, row.has) || strings.Contains(a.body, "_other") || strings.Contains(a.body, "canary-other") {
			t.Errorf("%s: %s", row.path, a.body)
		}
	}
}
