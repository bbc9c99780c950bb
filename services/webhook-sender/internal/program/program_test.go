package program_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/webhook-sender/internal/program"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/payload"
	"github.com/billhook/billhook/tokens"
)

func catalogue(t testing.TB) *tokens.Catalogue {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func posted() *event.Event {
	return &event.Event{
		ID: "evt_1", Type: "invoice.posted", Owner: "acme", Account: "A-1",
		Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		Data: event.Values{
			"Invoice.Total":    event.Str("12.50"),
			"Account.Id":       event.Str("A 1/é"),
			"Account.Bill Day": event.Int(15),
			"Contact.Email":    event.Str("planted@example.com"),
			"No.Such":          event.Str("x"),
		},
	}
}

func compile(t testing.TB, w subscription.Webhook) *program.Program {
	t.Helper()
	p, err := program.Compile(catalogue(t), &subscription.Spec{Events: []string{"invoice.posted"}, Webhook: &w})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t testing.TB, p *program.Program) (path string, data string) {
	t.Helper()
	got, err := p.Render(posted(), tokens.Frame{OwnerName: "Acme Ltd", Now: time.Date(2026, 5, 1, 12, 0, 1, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Data json.RawMessage }
	if err := json.Unmarshal(got.Body, &body); err != nil {
		t.Fatal(err)
	}
	return got.Path, string(body.Data)
}

func TestWithoutParametersDataHoldsWhatWebhooksMayUseByName(t *testing.T) {
	_, data := render(t, compile(t, subscription.Webhook{}))
	const want = `{"Account.Bill Day":15,"Account.Id":"A 1/é","Invoice.Total":"12.50"}`
	if diff := cmp.Diff(want, data); diff != "" {
		t.Fatal(diff)
	}
}

func TestParametersStandInTheirOrderWithTheirTypes(t *testing.T) {
	empty, text := "", "a \"literal\""
	_, data := render(t, compile(t, subscription.Webhook{Parameters: []subscription.Parameter{
		{Name: "z", Token: "Invoice.Total"},
		{Name: "day", Token: "Account.Bill Day"},
		{Name: "owner", Token: "Owner Name"},
		{Name: "left out", Token: "Invoice.DueDate"},
		{Name: "fixed", Literal: &text},
		{Name: "empty", Literal: &empty},
		{Name: "text", Template: "no tokens"},
	}}))
	const want = `{"z":"12.50","day":15,"owner":"Acme Ltd","left out":null,"fixed":"a \"literal\"","empty":"","text":"no tokens"}`
	if diff := cmp.Diff(want, data); diff != "" {
		t.Fatal(diff)
	}
}

func TestTokensInPathAndTemplatesAreEscapedForTheirPlace(t *testing.T) {
	path, data := render(t, compile(t, subscription.Webhook{
		Path: "/in/{{Account.Id}}/x",
		Parameters: []subscription.Parameter{
			{Name: "line", Template: `Total "{{Invoice.Total}}" on {{[Account.Bill Day]}}`},
			{Name: "typed", Template: `{{[Account.Bill Day]}}`},
		},
	}))
	if want := "/in/A%201%2F%C3%A9/x"; path != want {
		t.Errorf("path %q, want %q", path, want)
	}
	if want := `{"line":"Total \"12.50\" on 15","typed":15}`; data != want {
		t.Errorf("data %s, want %s", data, want)
	}
}

func TestATemplateThatBreaksARuleIsRefusedWhenItIsCompiled(t *testing.T) {
	for name, w := range map[string]subscription.Webhook{
		"path":            {Path: "/{{Contact.Email}}"},
		"parameter":       {Parameters: []subscription.Parameter{{Name: "x", Template: "{{#if t}}{{if t}}{{/if}}"}}},
		"contact":         {Parameters: []subscription.Parameter{{Name: "x", Template: "{{Contact.Email}}"}}},
		"of other events": {Parameters: []subscription.Parameter{{Name: "x", Template: "{{BillRun.EndTime}}"}}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := &subscription.Spec{Events: []string{"invoice.posted"}, Webhook: &w}
			if _, err := program.Compile(catalogue(t), spec); err == nil {
				t.Fatal("compiled")
			}
		})
	}
}

func TestABodyThatGrowsTooLargeIsRefused(t *testing.T) {
	ev := posted()
	ev.Data["Invoice.Number"] = event.Str(strings.Repeat("x", payload.MaxBytes))
	_, err := compile(t, subscription.Webhook{}).Render(ev, tokens.Frame{})
	if !errors.Is(err, payload.ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkRenderAll(b *testing.B) {
	p, ev := compile(b, subscription.Webhook{}), posted()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Render(ev, tokens.Frame{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRenderParameters(b *testing.B) {
	ev := posted()
	p := compile(b, subscription.Webhook{Parameters: []subscription.Parameter{
		{Name: "total", Token: "Invoice.Total"},
		{Name: "line", Template: "Total {{Invoice.Total}} on {{[Account.Bill Day]}}"},
	}})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Render(ev, tokens.Frame{Now: ev.Time}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEvent(b *testing.B) {
	raw, err := posted().Encode()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}

func TestParametersOutsideTheBodyAreEscapedForTheirPlace(t *testing.T) {
	p := compile(t, subscription.Webhook{Path: "/in", Parameters: []subscription.Parameter{
		{Name: "total", Token: "Invoice.Total", In: subscription.InBody},
		{Name: "a b&c", Token: "Account.Id", In: subscription.InQuery},
		{Name: "day", Template: "{{Account.[Bill Day]}}+{{Account.Id}}", In: subscription.InQuery},
		{Name: "fixed", Literal: new("x=1&y +"), In: subscription.InQuery},
		{Name: "X-Account", Token: "Account.Id", In: subscription.InHeader},
		{Name: "X-Many", Template: "{{Account.Id}}, {{Account.[Bill Day]}}", In: subscription.InHeader},
		{Name: "X-Fixed", Literal: new("plain"), In: subscription.InHeader},
	}})
	for value, want := range map[string][2]string{
		"A 1/é":             {"A%201%2F%C3%A9", "A 1/é"},
		"a&b=c#d":           {"a%26b%3Dc%23d", "a&b=c#d"},
		"x\r\nHost: evil":   {"x%0D%0AHost%3A%20evil", "x Host: evil"},
		"\x00\u2028y":       {"%00%E2%80%A8y", "y"},
		"{{Invoice.Total}}": {"%7B%7BInvoice.Total%7D%7D", "{{Invoice.Total}}"},
	} {
		ev := posted()
		ev.Data["Account.Id"] = event.Str(value)
		got, err := p.Render(ev, tokens.Frame{})
		if err != nil {
			t.Fatal(err)
		}
		if query := "a%20b%26c=" + want[0] + "&day=15+" + want[0] + "&fixed=x%3D1%26y%20%2B"; got.Query != query {
			t.Errorf("query %s, want %s", got.Query, query)
		}
		header := []program.Line{{Name: "X-Account", Value: want[1]}, {Name: "X-Many", Value: want[1] + ", 15"}, {Name: "X-Fixed", Value: "plain"}}
		if diff := cmp.Diff(header, got.Header); diff != "" {
			t.Error(diff)
		}
		if body := string(got.Body); !strings.HasSuffix(body, `"data":{"total":"12.50"}}`) {
			t.Errorf("body %s", body)
		}
	}
}
