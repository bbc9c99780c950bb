package store_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/owner"
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
		{"format", func(s *subscription.Spec) { s.Webhook.Format = "xml" }, "/webhook/format", "format.unknown"},
		{"place", parameter(subscription.Parameter{Name: "p", Token: "Invoice.Id", In: "cookie"}), "/webhook/parameters/0/in", "parameter.place"},
		{"header that is ours", parameter(subscription.Parameter{Name: "Webhook-Id", Token: "Invoice.Id", In: "header"}), "/webhook/parameters/0/name", "header.reserved"},
		{"header that is no token", parameter(subscription.Parameter{Name: "a b", Token: "Invoice.Id", In: "header"}), "/webhook/parameters/0/name", "header.name"},
		{"header twice in other letters", parameter(
			subscription.Parameter{Name: "X-A", Token: "Invoice.Id", In: "header"}, subscription.Parameter{Name: "x-a", Token: "Invoice.Id", In: "header"},
		), "/webhook/parameters/1/name", "parameter.duplicate"},
		{"literal with a line end in a header", parameter(subscription.Parameter{Name: "X-A", Literal: new("a\r\nb"), In: "header"}),
			"/webhook/parameters/0/literal", "text.control"},
		{"template with a line end in a header", parameter(subscription.Parameter{Name: "X-A", Template: "a\n{{Invoice.Id}}", In: "header"}),
			"/webhook/parameters/0/template", "header.line"},
		{"unknown token in a query", parameter(subscription.Parameter{Name: "a", Template: "{{Invoice.Nummer}}", In: "query"}),
			"/webhook/parameters/0/template", "token.unknown"},
		{"order", func(s *subscription.Spec) { s.Order = "sorted" }, "/order", "order.unknown"},
		{"head of no order", func(s *subscription.Spec) { s.Head = subscription.Park }, "/head", "head.unordered"},
		{"head", func(s *subscription.Spec) { s.Order, s.Head = subscription.Ordered, "drop" }, "/head", "head.unknown"},
		{"start", func(s *subscription.Spec) { s.Start = "yesterday" }, "/start", "start.form"},
		{"start in the future", func(s *subscription.Spec) { s.Start = "2999-01-01T00:00:00Z" }, "/start", "start.future"},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := webhook("s", "h")
			row.change(&spec)
			_, err := s.PutSubscription(t.Context(), "acme", spec)
			refused(t, err, fault.Invalid, row.pointer, row.rule)
		})
	}
}

func TestAScheduleStaysWithinWhatItsOwnerAllows(t *testing.T) {
	_, s := start(t)
	ctx := t.Context()
	must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	put := func(id string, days int) error {
		spec := webhook(id, "h")
		scheduled(days, "09:00")(&spec)
		_, err := s.PutSubscription(ctx, "acme", spec)
		return err
	}
	allow := func(days *int) error {
		_, err := s.PutOwner(ctx, owner.Owner{ID: "acme", Name: "Acme", LargestX: days})
		return err
	}
	for _, c := range []struct {
		allowed *int
		most    int
	}{{nil, 400}, {new(30), 30}, {new(0), 0}, {new(3650), 3650}} {
		if err := allow(c.allowed); err != nil {
			t.Fatal(err)
		}
		if err := put("most", c.most); err != nil {
			t.Errorf("%d days where %d are allowed: %v", c.most, c.most, err)
		}
		pointer, rule := "/schedule/days", "schedule.beyond"
		if c.most == owner.MostX {
			rule = "number.range"
		}
		refused(t, put("beyond", c.most+1), fault.Invalid, pointer, rule)
	}
	refused(t, allow(new(-1)), fault.Invalid, "/largest_x", "number.range")
	refused(t, allow(new(3651)), fault.Invalid, "/largest_x", "number.range")
}

func scheduled(days int, at string) func(*subscription.Spec) {
	return func(s *subscription.Spec) {
		s.Events, s.Schedule = []string{subscription.DeliveryDatePlus}, &subscription.Schedule{Days: days, Time: at}
	}
}

func parameter(p ...subscription.Parameter) func(*subscription.Spec) {
	return func(s *subscription.Spec) { s.Webhook.Parameters = p }
}

func TestTheSameNameMayStandInEveryPlace(t *testing.T) {
	s := equipped(t)
	spec := webhook("s", "h")
	for _, in := range []subscription.Place{"", "query", "header"} {
		spec.Webhook.Parameters = append(spec.Webhook.Parameters, subscription.Parameter{Name: "X-Id", Token: "Invoice.Id", In: in})
	}
	must(t)(s.PutSubscription(t.Context(), "acme", spec))
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

func TestALanguageIsHeldToTheSameRules(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	e := canned("e")
	e.Locales = map[string]email.Texts{"de": {Subject: "Rechnung {{Invoice.Nummer}}", HTML: "<p {{Invoice.Number}}>", Text: "Hallo"}}
	_, err := s.PutEmail(ctx, "acme", e)
	refused(t, err, fault.Invalid, "/locales/de/subject", "token.unknown")
	refused(t, err, fault.Invalid, "/locales/de/html", "html.attribute")
	e.Locales["de"] = email.Texts{Subject: "Rechnung {{Invoice.Number}}", Text: "{{Invoice.DaysOverdue}}"}
	must(t)(s.PutEmail(ctx, "acme", e))
	_, err = s.PutSubscription(ctx, "acme", emailing("s", "e"))
	if p := fault.ProblemsOf(err); len(p) != 1 || !strings.Contains(p[0].Detail, "locales/de/text of canned email e") {
		t.Errorf("joined an event that lacks a token of another language: %v", err)
	}
}

func TestStylesAreInlinedWhenAnEmailIsSaved(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	e := canned("e")
	e.HTML = "<style>p{color:red}</style><p>{{Invoice.Number}}</p>"
	e.Locales = map[string]email.Texts{"de": {Subject: "Hallo", HTML: "<style>b{color:red}</style><b>{{Invoice.Number}}</b>"}}
	must(t)(s.PutEmail(ctx, "acme", e))
	if c := must(t)(s.PutEmail(ctx, "acme", e)); c.Action != "unchanged" {
		t.Errorf("saving the same again: %s", c.Action)
	}
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	stored := st.Emails["e"]
	if stored.HTML != e.HTML {
		t.Errorf("what was written is read as %s", stored.HTML)
	}
	for tag, want := range map[string]string{"": `<p style="color:red">{{Invoice.Number}}</p>`, "de": `<b style="color:red">{{Invoice.Number}}</b>`} {
		if got := stored.In(tag).HTML; !strings.HasSuffix(got, want) {
			t.Errorf("%q is rendered from %s", tag, got)
		}
	}
	e.HTML = "<style>b b b b b b{color:red}</style>" + strings.Repeat("<b>", 300)
	_, err = s.PutEmail(ctx, "acme", e)
	refused(t, err, fault.Invalid, "/html", "html.styles")
	e.HTML = "<style>b{color:red;margin:" + strings.Repeat("0", 1000) + "}</style>" + strings.Repeat("<b>x</b>", 100)
	_, err = s.PutEmail(ctx, "acme", e)
	refused(t, err, fault.Invalid, "/html", "template.size")
}

func TestWhatIsTooLargeToBeStoredIsRefusedBeforeAnythingIs(t *testing.T) {
	s := equipped(t)
	e := canned("e")
	e.Locales = map[string]email.Texts{}
	for _, tag := range []string{"de", "fr", "it", "es", "pt", "pl", "nl", "sv", "da"} {
		e.Locales[tag] = email.Texts{Subject: "x", Text: strings.Repeat("x", 60<<10)}
	}
	_, err := s.PutEmail(t.Context(), "acme", e)
	refused(t, err, fault.Invalid, "", "document.size")
}

func TestAnEmailGoesToTokensThatHoldAddressesOfEveryEvent(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	for token, rule := range map[string]string{
		"Account.Name": "recipient.token", "Contact.Email": "recipient.token", "Nobody.Email": "token.unknown", "a]}}{{b": "token.unknown",
	} {
		e := canned("e")
		e.CC = []email.Recipient{{Token: token}}
		_, err := s.PutEmail(ctx, "acme", e)
		refused(t, err, fault.Invalid, "/cc/0/token", rule)
	}
	e := canned("e")
	e.To = []email.Recipient{{Token: "Account.Company.Email"}}
	must(t)(s.PutEmail(ctx, "acme", e))
	must(t)(s.PutSubscription(ctx, "acme", emailing("s", "e")))
	e.To = []email.Recipient{{Token: "ChangedContact.Email"}}
	_, err := s.PutEmail(ctx, "acme", e)
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != "/to/0/token" {
		t.Errorf("goes to a token that the subscription's event lacks: %v", err)
	}
}

func TestOnlyInvoicesHaveADocumentToAttach(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	e := canned("e")
	e.Attachments = []email.Attachment{email.Invoice}
	must(t)(s.PutEmail(ctx, "acme", e))
	must(t)(s.PutSubscription(ctx, "acme", emailing("s", "e")))
	other := emailing("o", "e")
	other.Events = []string{"invoice.posted", "account.cancellation"}
	_, err := s.PutSubscription(ctx, "acme", other)
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Rule != "attachment.event" || p[0].Pointer != "/email/canned_email" {
		t.Errorf("attaches what the event does not have: %v", err)
	}
}

func TestAnEmailSubscriptionSaysWhatBecomesOfWhoIsMissing(t *testing.T) {
	s := equipped(t)
	ctx := t.Context()
	must(t)(s.PutEmail(ctx, "acme", canned("e")))
	for _, row := range []struct {
		change        func(*subscription.Email)
		pointer, rule string
	}{
		{func(e *subscription.Email) { e.Fallback = "somebody" }, "/email/fallback", "fallback.form"},
		{func(e *subscription.Email) { e.Fallback = "a@example.com,b@example.com" }, "/email/fallback", "fallback.form"},
		{func(e *subscription.Email) { e.Document = "maybe" }, "/email/document", "document.unknown"},
	} {
		spec := emailing("s", "e")
		row.change(spec.Email)
		_, err := s.PutSubscription(ctx, "acme", spec)
		refused(t, err, fault.Invalid, row.pointer, row.rule)
	}
	spec := emailing("s", "e")
	spec.Email.Fallback = "desk@example.com"
	must(t)(s.PutSubscription(ctx, "acme", spec))
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	got := st.Subscriptions["s"].Email
	if got.Fallback != "desk@example.com" || got.Document != subscription.DocumentIfThere {
		t.Errorf("stored %+v", got)
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
