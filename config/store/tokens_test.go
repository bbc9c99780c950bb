package store_test

import (
	"testing"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/filter"
)

// equipped is a store with an endpoint "h", SMTP settings and contact type
// "billing".
func equipped(t *testing.T) *store.Store {
	t.Helper()
	_, s := start(t)
	must(t)(s.PutSMTP(t.Context(), "acme", mail("m")))
	must(t)(s.PutEndpoint(t.Context(), "acme", hook("h")))
	types(t, s, "billing")
	return s
}

func TestASubscriptionUsesOnlyWhatEveryOfItsEventsHas(t *testing.T) {
	s := equipped(t)
	for _, row := range []struct {
		name          string
		change        func(*subscription.Spec)
		pointer, rule string
	}{
		{"unknown event", func(s *subscription.Spec) { s.Events = []string{"invoice.lost"} }, "/events/0", "event.unknown"},
		{"signal", func(s *subscription.Spec) { s.Events = []string{"usage.seen"} }, "/events/0", "event.signal"},
		{"same event twice", func(s *subscription.Spec) { s.Events = append(s.Events, s.Events...) }, "/events/1", "event.duplicate"},
		{"no event", func(s *subscription.Spec) { s.Events = nil }, "/events", "list.length"},
		{"channel", func(s *subscription.Spec) { s.Channel = "sms" }, "/channel", "channel.unknown"},
		{"other channel's part", func(s *subscription.Spec) { s.Email = &subscription.Email{CannedEmail: "e"} }, "/email", "channel.other"},
		{"nothing for the channel", func(s *subscription.Spec) { s.Webhook = nil }, "/webhook", "field.required"},
		{"scheduled with others", func(s *subscription.Spec) {
			s.Events = append(s.Events, subscription.DeliveryDatePlus)
		}, "/events", "event.alone"},
		{"scheduled without schedule", func(s *subscription.Spec) { s.Events = []string{subscription.DeliveryDatePlus} }, "/schedule", "field.required"},
		{"schedule for another event", func(s *subscription.Spec) { s.Schedule = &subscription.Schedule{Days: 1, Time: "09:00"} }, "/schedule", "schedule.other"},
		{"too many days", scheduled(3651, "09:00"), "/schedule/days", "number.range"},
		{"negative days", scheduled(-1, "09:00"), "/schedule/days", "number.range"},
		{"hour 24", scheduled(1, "24:00"), "/schedule/time", "time.form"},
		{"one digit", scheduled(1, "9:00"), "/schedule/time", "time.form"},
		{"fraction", scheduled(1, "09:00:00.5"), "/schedule/time", "time.form"},
		{"unknown token", parameter(subscription.Parameter{Name: "p", Token: "Invoice.Nummer"}), "/webhook/parameters/0/token", "token.unknown"},
		{"no token at all", parameter(subscription.Parameter{Name: "p", Token: "a]}}{{b"}), "/webhook/parameters/0/token", "token.unknown"},
		{"no value", parameter(subscription.Parameter{Name: "p"}), "/webhook/parameters/0", "parameter.value"},
		{"two values", parameter(subscription.Parameter{Name: "p", Token: "Invoice.Id", Literal: new("")}), "/webhook/parameters/0", "parameter.value"},
		{"name with a line end", parameter(subscription.Parameter{Name: "p\n", Token: "Invoice.Id"}), "/webhook/parameters/0/name", "text.control"},
		{"no name", parameter(subscription.Parameter{Token: "Invoice.Id"}), "/webhook/parameters/0/name", "text.required"},
		{"same name twice", parameter(
			subscription.Parameter{Name: "p", Token: "Invoice.Id"}, subscription.Parameter{Name: "p", Token: "Invoice.Number"},
		), "/webhook/parameters/1/name", "parameter.duplicate"},
		{"order", func(s *subscription.Spec) { s.Order = "ordered" }, "/order", "order.unknown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := webhook("s", "h")
			row.change(&spec)
			_, err := s.PutSubscription(t.Context(), "acme", spec)
			refused(t, err, fault.Invalid, row.pointer, row.rule)
		})
	}
}

func scheduled(days int, at string) func(*subscription.Spec) {
	return func(s *subscription.Spec) {
		s.Events, s.Schedule = []string{subscription.DeliveryDatePlus}, &subscription.Schedule{Days: days, Time: at}
	}
}

func parameter(p ...subscription.Parameter) func(*subscription.Spec) {
	return func(s *subscription.Spec) { s.Webhook.Parameters = p }
}

func TestTokensOutOfTheirEventAreRefused(t *testing.T) {
	s := equipped(t)
	for _, row := range []struct{ name, event, path, template, token, pointer string }{
		{name: "service name on a bill run", event: "bill_run.completed", token: "AccountService.Name", pointer: "/webhook/parameters/0/token"},
		{name: "end time when it starts", event: "bill_run.started", template: "at {{BillRun.EndTime}}", pointer: "/webhook/parameters/0/template"},
		{name: "former status on a cancellation", event: "account.cancellation", path: "/{{Account.PreviousStatus}}", pointer: "/webhook/path"},
		{name: "contact in a webhook's parameter", event: "invoice.posted", token: "Contact.Email", pointer: "/webhook/parameters/0/token"},
		{name: "contact in a webhook's path", event: "invoice.posted", path: "/{{Contact.Email}}", pointer: "/webhook/path"},
		{name: "path that climbs", event: "invoice.posted", path: "/../admin", pointer: "/webhook/path"},
		{name: "path that is an authority", event: "invoice.posted", path: "//evil.example.com", pointer: "/webhook/path"},
		{name: "a fatal template", event: "invoice.posted", template: "{{#if t}}{{if t}}{{/if}}", pointer: "/webhook/parameters/0/template"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := webhook("s", "h")
			spec.Events, spec.Webhook.Path = []string{row.event}, row.path
			if row.token != "" || row.template != "" {
				spec.Webhook.Parameters = []subscription.Parameter{{Name: "p", Token: row.token, Template: row.template}}
			}
			_, err := s.PutSubscription(t.Context(), "acme", spec)
			for _, p := range fault.ProblemsOf(err) {
				if p.Pointer == row.pointer {
					return
				}
			}
			t.Errorf("err = %v, want a problem at %s", err, row.pointer)
		})
	}
}

func TestBothStatesOfATransitionAndEveryKindOfValueAreAccepted(t *testing.T) {
	s := equipped(t)
	spec := webhook("s", "h")
	spec.Events = []string{"service.state_transition"}
	spec.Filter = filter.Spec{"AccountService.CurrentStatus": {{Op: filter.Exact, Values: []event.Value{event.Str("Suspended")}}}}
	spec.Webhook.Path = "/services/{{AccountService.Id}}"
	spec.Webhook.Parameters = []subscription.Parameter{
		{Name: "from", Token: "AccountService.PreviousStatus"},
		{Name: "to", Token: "AccountService.CurrentStatus"},
		{Name: "bill day", Token: "Account.Bill Day"},
		{Name: "empty", Literal: new("")},
		{Name: "text", Template: "{{AccountService.Name}} of {{Account.Name}}"},
	}
	must(t)(s.PutSubscription(t.Context(), "acme", spec))
	created := webhook("c", "h")
	created.Events = []string{"package.created"}
	must(t)(s.PutSubscription(t.Context(), "acme", created))
}

func TestAFilterNamesTokensThatTheEventCarries(t *testing.T) {
	s := equipped(t)
	for _, token := range []string{"BillRun.Name", "Contact.Email", "Current Date", "Nothing"} {
		spec := webhook("s", "h")
		spec.Filter = filter.Spec{token: {{Op: filter.Exists, Present: true}}}
		_, err := s.PutSubscription(t.Context(), "acme", spec)
		if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != fault.Pointer("filter", token) {
			t.Errorf("%s: %v", token, err)
		}
	}
}

func TestAnEmailIsLegalForEveryEventOfEverySubscription(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	e := canned("e")
	e.Subject, e.To = "Invoice {{Invoice.Number}} for {{Contact.FirstName}}", []email.Recipient{{ContactType: "billing"}}
	must(t)(s.PutEmail(ctx, "acme", e))
	must(t)(s.PutSubscription(ctx, "acme", emailing("s", "e")))
	other := emailing("o", "e")
	other.Events = []string{"invoice.overdue", "bill_run.started"}
	_, err := s.PutSubscription(ctx, "acme", other)
	if p := fault.ProblemsOf(err); len(p) == 0 || p[0].Pointer != "/email/canned_email" {
		t.Errorf("joined a subscription whose event lacks a token: %v", err)
	}
	e.Text = "{{Invoice.DaysOverdue}}"
	_, err = s.PutEmail(ctx, "acme", e)
	if p := fault.ProblemsOf(err); len(p) == 0 || p[0].Pointer != "/text" || p[0].Line != 1 {
		t.Errorf("saved a token that the subscription's event lacks: %v", err)
	}
	e.Text = "{{Invoice.Total}}"
	if c := must(t)(s.PutEmail(ctx, "acme", e)); c.Action != "updated" {
		t.Errorf("action = %s", c.Action)
	}
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	if st.Emails["e"].Revision != 2 {
		t.Errorf("revision = %d", st.Emails["e"].Revision)
	}
}

func TestAScheduleIsStoredWithSeconds(t *testing.T) {
	s := equipped(t)
	spec := webhook("s", "h")
	scheduled(0, "09:00")(&spec)
	must(t)(s.PutSubscription(t.Context(), "acme", spec))
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if got := st.Subscriptions["s"].Schedule.Time; got != "09:00:00" {
		t.Errorf("time = %s", got)
	}
}
