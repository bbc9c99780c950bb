package mailer_test

import (
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/probe"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func (r *rig) try(t *testing.T, q probe.MailQuestion) probe.MailReport {
	t.Helper()
	q.Owner = acme
	report, err := probe.Ask[probe.MailReport](within(t), probe.Asker{NATS: r.srv.Conn(t), Channel: delivery.Email}, "q1", q)
	must(t, err)
	return report
}

// line is a header line of a letter, "" when it has none.
func line(l *probe.Letter, name string) string {
	for _, h := range l.Header {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// steps are the names of steps in a row, with the reason of the one that failed.
func steps(r probe.MailReport) string {
	var out []string
	for _, s := range r.Steps {
		out = append(out, strings.TrimSpace(s.Name+" "+s.Reason))
	}
	return strings.Join(out, ", ")
}

func TestSettingsAreTriedStepByStep(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{Rcpt: func(to string) error {
		if strings.HasPrefix(to, "gone") {
			return smtptest.Reply(550, "no such user")
		}
		return nil
	}})
	r := start(t, srv, nil)
	r.run(t, config(t), "")
	for _, row := range []struct {
		name    string
		q       probe.MailQuestion
		want    string
		letters int
	}{
		{"connected only", probe.MailQuestion{SMTP: "main", Connect: true}, "tcp, hello, tls, auth", 0},
		{"the default", probe.MailQuestion{Connect: true}, "tcp, hello, tls, auth", 0},
		{"with a message", probe.MailQuestion{SMTP: "main", Connect: true, To: "a@example.com"}, "tcp, hello, tls, auth, message", 1},
		{"to nobody", probe.MailQuestion{SMTP: "main", Connect: true, To: "gone@example.com"}, "tcp, hello, tls, auth, message smtp_rcpt", 1},
	} {
		got := r.try(t, row.q)
		if steps(got) != row.want || got.Refused != nil || len(srv.Letters()) != row.letters {
			t.Errorf("%s: %s, %+v, %d letters", row.name, steps(got), got.Refused, len(srv.Letters()))
		}
	}
	r.putSMTP(t, "main", "wrong", true)
	r.await(t, func() bool {
		return steps(r.try(t, probe.MailQuestion{SMTP: "main", Connect: true})) == "tcp, hello, tls, auth smtp_auth"
	})
	if report := r.try(t, probe.MailQuestion{SMTP: "main", Connect: true}); strings.Contains(report.Steps[3].Detail, "wrong") {
		t.Errorf("the password is told: %+v", report)
	}
	for q, reason := range map[probe.MailQuestion]string{
		{SMTP: "none", Connect: true}: "smtp_settings", {SMTP: "a.b", Connect: true}: "malformed",
		{SMTP: "main", To: "a@b@c", Connect: true}: "malformed",
	} {
		if got := r.try(t, q); got.Refused == nil || got.Refused.Reason != reason || got.Refused.Passing != (q.SMTP == "none") {
			t.Errorf("%+v: %+v", q, got)
		}
	}
}

func TestATrialIsNoDelivery(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.run(t, config(t), "")
	r.try(t, probe.MailQuestion{Connect: true, To: "a@example.com"})
	s, err := r.js.Stream(t.Context(), topology.Outcomes)
	must(t, err)
	if n := s.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d outcomes", n)
	}
}

func TestAnEmailIsShownAsItWouldBeSent(t *testing.T) {
	srv := smtptest.Start(t, smtptest.Script{})
	r := start(t, srv, nil)
	r.putEmail(t, email.Spec{
		ID: "e", Subject: "Invoice {{Invoice.Id}} für {{Contact.FirstName}}", HTML: "<style>p{color:red}</style><p>{{Account.Name}}</p>",
		To: []email.Recipient{{ContactType: "billing"}}, SMTP: "other",
		Locales: map[string]email.Texts{"de": {Subject: "Rechnung {{Invoice.Id}}", Text: "Hallo"}},
	})
	_, err := r.store.PutAccount(t.Context(), acme, account.Account{ID: "A-1", Name: "Northwind", Locale: "de-AT"})
	must(t, err)
	r.run(t, config(t), "")
	_, ref := r.accept(t, "e")

	example := r.try(t, probe.MailQuestion{Email: "e", EventType: "invoice.posted"})
	if example.Refused != nil {
		t.Fatalf("%+v", example.Refused)
	}
	l := example.Letter
	if !strings.HasPrefix(line(l, "Subject"), "Invoice ") || !strings.Contains(line(l, "Subject"), " für ") || line(l, "To") != "<billing@example.com>" ||
		!strings.Contains(line(l, "From"), "other@acme.example") || line(l, "Message-ID") == "" || l.Size == 0 {
		t.Errorf("header %+v", l.Header)
	}
	if !strings.Contains(l.HTML, `<p style="color:red">`) || strings.Contains(l.Text, "<p") || l.Text == "" {
		t.Errorf("bodies %q, %q", l.HTML, l.Text)
	}
	stored := r.try(t, probe.MailQuestion{Email: "e", EventSeq: ref.EventSeq})
	if stored.Refused != nil || line(stored.Letter, "Subject") != "Rechnung INV-1" || line(stored.Letter, "To") != "<ada@example.com>" {
		t.Errorf("%+v", stored)
	}
	if english := r.try(t, probe.MailQuestion{Email: "e", EventSeq: ref.EventSeq, Locale: "en"}); line(english.Letter, "Subject") != "Invoice INV-1 für Ada" {
		t.Errorf("%+v", english.Letter)
	}
	sent := r.try(t, probe.MailQuestion{Email: "e", EventSeq: ref.EventSeq, SMTP: "main", Connect: true, To: "me@example.com"})
	letters := srv.Letters()
	if steps(sent) != "tcp, hello, tls, auth, message" || len(letters) != 1 || letters[0].To[0] != "me@example.com" {
		t.Errorf("%+v, %+v", sent, letters)
	}
	foreign := event.Event{ID: "evt_f", Type: "invoice.posted", Owner: "other", Time: time.Unix(0, 0)}
	data, err := foreign.Encode()
	must(t, err)
	ack, err := r.js.Publish(t.Context(), subject.Event(0, "other", foreign.Type), data)
	must(t, err)
	for q, reason := range map[probe.MailQuestion]string{
		{Email: "e", EventSeq: ack.Sequence}:         "event_unknown",
		{Email: "none", EventType: "invoice.posted"}: "email_unknown", {Email: "e", EventType: "invoice.sold"}: "event_type_unknown",
		{Email: "e", EventType: "account.created"}: "event_type_unfit", {Email: "e", EventSeq: 999}: "event_unknown",
	} {
		if got := r.try(t, q); got.Refused == nil || got.Refused.Reason != reason || got.Refused.Passing != (q.Email == "none") {
			t.Errorf("%+v: %+v", q, got)
		}
	}
}

// await asks again until something holds.
func (r *rig) await(t *testing.T, holds func() bool) {
	t.Helper()
	ctx := within(t)
	for !holds() {
		if ctx.Err() != nil {
			t.Fatal("it never held")
		}
	}
}
