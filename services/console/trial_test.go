package console_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/probe/probetest"
	"github.com/billhook/billhook/streams/topology"
)

// senders stand in for the sender of webhooks and the mailer.
type senders struct {
	mu sync.Mutex
	// refuse is why they try nothing; nil while they do.
	refuse *probe.Refusal
	hooks  []probe.Question
	mails  []probe.MailQuestion
}

// senders starts them; they take and send whatever they are asked to.
func (r *rig) senders(t testing.TB) *senders {
	t.Helper()
	s := &senders{}
	probetest.Answer(t, r.js.Conn(), &probe.Answerer[probe.Question, probe.Report]{Channel: delivery.Webhook, Try: s.hook, Refuse: probe.Refuse, Log: zerolog.Nop()})
	probetest.Answer(t, r.js.Conn(), &probe.Answerer[probe.MailQuestion, probe.MailReport]{Channel: delivery.Email, Try: s.mail, Refuse: probe.RefuseMail, Log: zerolog.Nop()})
	return s
}

func (s *senders) refusing(r *probe.Refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = r
}

func (s *senders) hook(_ context.Context, q probe.Question) probe.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks = append(s.hooks, q)
	if s.refuse != nil {
		return probe.Refuse(*s.refuse)
	}
	return probe.Report{Exchange: probe.Exchange{
		Request:  probe.Request{Method: "POST", URL: "https://hooks.example.com", Header: []probe.Line{{Name: "webhook-id", Value: "test_1"}}, Body: "{}"},
		Response: probe.Response{Status: 204}, Timing: probe.Timing{Total: time.Second},
	}}
}

func (s *senders) mail(_ context.Context, q probe.MailQuestion) probe.MailReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, q)
	if s.refuse != nil {
		return probe.RefuseMail(*s.refuse)
	}
	m := probe.Mailing{Letter: &probe.Letter{Header: []probe.Line{{Name: "Subject", Value: "S"}}, Text: "T", HTML: "<p>T", Size: 9}}
	if q.Connect {
		m.Steps = []probe.Step{{Name: "tcp", Took: time.Millisecond}, {Name: "auth", Detail: "no", Reason: "smtp_auth"}}
	}
	return probe.MailReport{Mailing: m}
}

func TestWhatIsAskedOfTheSendersIsWhatTheRequestSaysAndIsOnRecord(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.happen(t)
	s := r.senders(t)
	for _, row := range []struct{ path, body, has string }{
		{"/endpoints/erp/test", `{"type": "invoice.posted"}`, `"response":{"status":204}`},
		{"/endpoints/erp/test", `{"type": "invoice.posted", "subscription": "hook"}`, `"url":"https://hooks.example.com"`},
		{"/smtp-settings/main/test", `{}`, `"reason":"smtp_auth"`},
		{"/smtp-settings/main/test", `{"to": "me@example.com"}`, `{"name":"tcp","took_ns":1000000}`},
		{"/canned-emails/mail/preview", `{"type": "invoice.posted", "locale": "de"}`, `"html":"<p>T"`},
		{"/canned-emails/mail/preview", `{"event": "e-acme"}`, `"text":"T"`},
		{"/canned-emails/mail/preview", `{"sequence": 1, "smtp_settings": "main", "to": "me@example.com"}`, `"steps":[`},
	} {
		if a := r.do(t, ask{method: "POST", path: acme + row.path, body: row.body, key: r.keys[apikey.Editor]}).want(t, http.StatusOK); !strings.Contains(a.body, row.has) {
			t.Errorf("%s %s: %s", row.path, row.body, a.body)
		}
	}
	if want := []probe.Question{
		{Owner: "acme", Endpoint: "erp", EventType: "invoice.posted"}, {Owner: "acme", Endpoint: "erp", EventType: "invoice.posted", Subscription: "hook"},
	}; !slices.Equal(s.hooks, want) {
		t.Errorf("asked %+v", s.hooks)
	}
	if want := []probe.MailQuestion{
		{Owner: "acme", SMTP: "main", Connect: true}, {Owner: "acme", SMTP: "main", Connect: true, To: "me@example.com"},
		{Owner: "acme", Email: "mail", EventType: "invoice.posted", Locale: "de"}, {Owner: "acme", Email: "mail", EventSeq: 1},
		{Owner: "acme", Email: "mail", EventSeq: 1, SMTP: "main", Connect: true, To: "me@example.com"},
	}; !slices.Equal(s.mails, want) {
		t.Errorf("asked %+v", s.mails)
	}
	audit := r.do(t, ask{method: "GET", path: acme + "/audit"}).want(t, http.StatusOK).body
	if strings.Count(audit, `"verb":"test"`) != 5 || strings.Contains(audit, "me@") || !strings.Contains(audit, `"resource":"canned-emails","id":"mail","detail":"connection and message"`) ||
		!strings.Contains(audit, `"resource":"endpoints","id":"erp","detail":"invoice.posted"`) || !strings.Contains(audit, `"role":"editor"`) {
		t.Error(audit)
	}
}

func TestATrialThatIsNotMadeIsAProblemWithItsReason(t *testing.T) {
	r := start(t)
	r.fill(t)
	const hook, smtp, mail = "/endpoints/erp/test", "/smtp-settings/main/test", "/canned-emails/mail/preview"
	for path, body := range map[string]string{hook: `{"type": "invoice.posted"}`, smtp: `{}`, mail: `{"type": "invoice.posted"}`} {
		a := r.do(t, ask{method: "POST", path: acme + path, body: body}).want(t, http.StatusServiceUnavailable)
		if !strings.Contains(a.body, "no sender is running") || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", path, a.body)
		}
	}
	s := r.senders(t)
	for _, row := range []struct {
		path, body   string
		status       int
		pointer, has string
	}{
		{hook, `{}`, 422, "/type", "event.unknown"},
		{hook, `{"type": "invoice.sold"}`, 422, "/type", "event.unknown"},
		{hook, `{"type": "invoice.posted", "subscription": "none"}`, 422, "/subscription", "subscription.unknown"},
		{hook, `{"type": "invoice.posted", "subscription": "letter"}`, 422, "/subscription", "subscription.unknown"},
		{"/endpoints/none/test", `{"type": "invoice.posted"}`, 404, "", "not_found"},
		{"/endpoints/a.b/test", `{"type": "invoice.posted"}`, 404, "", "not_found"},
		{smtp, `{"to": "me@x@y"}`, 422, "/to", "address.form"},
		{"/smtp-settings/none/test", `{}`, 404, "", "not_found"},
		{mail, `{}`, 422, "/type", "preview.event"},
		{mail, `{"type": "invoice.posted", "sequence": 1}`, 422, "/type", "preview.event"},
		{mail, `{"sequence": -1}`, 422, "/sequence", "number.range"},
		{mail, `{"type": "invoice.sold"}`, 422, "/type", "event.unknown"},
		{mail, `{"event": "e-none"}`, 422, "/event", "event.unknown"},
		{mail, `{"type": "invoice.posted", "locale": "-", "to": "me", "smtp_settings": "none"}`, 422, "/locale", "locale.form"},
		{mail, `{"type": "invoice.posted", "to": "me"}`, 422, "/to", "address.form"},
		{mail, `{"type": "invoice.posted", "smtp_settings": "none"}`, 422, "/smtp_settings", "smtp.unknown"},
		{"/canned-emails/none/preview", `{"type": "invoice.posted"}`, 404, "", "not_found"},
	} {
		a := r.do(t, ask{method: "POST", path: acme + row.path, body: row.body}).want(t, row.status)
		if !strings.Contains(a.body, row.has) || row.pointer != "" && !strings.Contains(a.body, `"pointer":"`+row.pointer+`"`) {
			t.Errorf("%s %s: %s", row.path, row.body, a.body)
		}
	}
	if len(s.hooks)+len(s.mails) != 0 {
		t.Errorf("the senders were asked: %+v %+v", s.hooks, s.mails)
	}
	for status, refusal := range map[int]probe.Refusal{
		http.StatusUnprocessableEntity: {Reason: "endpoint_disabled", Detail: "enable it first"},
		http.StatusServiceUnavailable:  {Reason: probe.Busy, Detail: "others are being tried", Passing: true},
	} {
		s.refusing(&refusal)
		for path, body := range map[string]string{hook: `{"type": "invoice.posted"}`, smtp: `{}`, mail: `{"type": "invoice.posted"}`} {
			a := r.do(t, ask{method: "POST", path: acme + path, body: body}).want(t, status)
			if !strings.Contains(a.body, refusal.Reason) || !strings.Contains(a.body, refusal.Detail) {
				t.Errorf("%s: %s", path, a.body)
			}
		}
	}
}

func TestASubscriberTestsItsOwnEndpointsWithWhatGoesThere(t *testing.T) {
	r := start(t)
	r.fill(t)
	r.senders(t)
	r.do(t, ask{method: "PUT", path: endpoints + "/crm", body: `{"name": "CRM", "url": "https://crm.example.com"}`}).want(t, 201)
	r.do(t, ask{method: "PUT", path: acme + "/subscriptions/mine", body: `{"name": "M", "events": ["invoice.posted"], "channel": "webhook", "webhook": {"endpoint": "crm"}}`}).want(t, 201)
	_, text, err := r.store.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Subscriber, Endpoints: []string{"crm"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		path, body string
		want       int
	}{
		{"/endpoints/crm/test", `{"type": "invoice.posted"}`, 200},
		{"/endpoints/crm/test", `{"type": "invoice.posted", "subscription": "mine"}`, 200},
		{"/endpoints/crm/test", `{"type": "invoice.posted", "subscription": "hook"}`, 422},
		{"/endpoints/erp/test", `{"type": "invoice.posted"}`, 404},
		{"/smtp-settings/main/test", `{}`, 403},
		{"/canned-emails/mail/preview", `{"type": "invoice.posted"}`, 403},
	} {
		r.do(t, ask{method: "POST", path: acme + row.path, body: row.body, key: text.Reveal()}).want(t, row.want)
	}
	// To everybody else any subscription may be tried with any endpoint.
	r.do(t, ask{method: "POST", path: acme + "/endpoints/crm/test", body: `{"type": "invoice.posted", "subscription": "hook"}`}).want(t, 200)
}

func TestATrialWithAKeyIsMadeOnce(t *testing.T) {
	r := start(t)
	r.fill(t)
	s := r.senders(t)
	again := ask{method: "POST", path: acme + "/endpoints/erp/test", body: `{"type": "invoice.posted"}`, header: map[string]string{"Idempotency-Key": "1"}}
	if first, second := r.do(t, again).want(t, 200), r.do(t, again).want(t, 200); first.body != second.body || len(s.hooks) != 1 {
		t.Errorf("%d times: %s, %s", len(s.hooks), first.body, second.body)
	}
}

func TestATrialThatCannotBeKeptOnRecordIsNotMade(t *testing.T) {
	r := start(t)
	r.fill(t)
	s := r.senders(t)
	if err := r.js.DeleteStream(t.Context(), topology.Audit); err != nil {
		t.Fatal(err)
	}
	for path, body := range map[string]string{"/endpoints/erp/test": `{"type": "invoice.posted"}`, "/smtp-settings/main/test": `{}`} {
		r.do(t, ask{method: "POST", path: acme + path, body: body}).want(t, http.StatusServiceUnavailable)
	}
	if len(s.hooks)+len(s.mails) != 0 {
		t.Errorf("asked %+v %+v", s.hooks, s.mails)
	}
}
