package tokens

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// noon is the moment of all renderings here.
func noon() time.Time { return time.Date(2026, time.November, 23, 12, 0, 0, 0, time.UTC) }

// sample are the example values of a type, in Paris, with some changed.
func sample(t testing.TB, c *Catalogue, eventType string, changed event.Values) Values {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	ev := c.Example(eventType)
	contact := c.ExampleContact()
	for name, value := range changed {
		if _, isContact := contact[name]; isContact {
			contact[name] = value
		} else {
			ev.Data[name] = value
		}
	}
	return c.Values(ev, Frame{OwnerName: "Acme & Sons", Zone: paris, Now: noon(), Contact: contact})
}

func parsed(t testing.TB, c *Catalogue, src string, use Use) *Template {
	t.Helper()
	tpl, err := c.Parse(src, use)
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	return tpl
}

func rendered(t testing.TB, tpl *Template, v Values) string {
	t.Helper()
	got, err := tpl.Render(v)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTemplatesBecomeText(t *testing.T) {
	c := loaded(t)
	v := sample(t, c, "invoice.delivery", event.Values{
		"Invoice.BalanceDue":  event.Str("0.00"),
		"Account.DisplayName": event.Str(""),
		"Account.Bill Day":    event.Num("15"),
		"Account.TimeZone":    event.Str("Asia/Tokyo"),
		"Invoice.PeriodEnd":   event.Value{},
		"Invoice.Total":       event.Str("-1234567.005"),
	})
	for _, row := range []struct{ src, want string }{
		{"{{Invoice.Number}} for {{Account.Name}}", "INV-2026-0042 for Northwind Telecom"},
		{"{{Account.[Bill Day]}} {{[Account.Bill Day]}}", "15 15"},
		{"[{{Invoice.PeriodEnd}}]", "[]"},
		{"{{[Current Time]}} {{[Current Date]}} {{[Current Date and Time]}}", "13:00:00 2026-11-23 2026-11-23T13:00:00+01:00"},
		{"{{[Owner Name]}} {{[Event Name]}} {{Event.Id}} {{Event.Type}}", "Acme & Sons Invoice Delivery evt_example invoice.delivery"},
		{"{{date Invoice.DueDate}} {{date Invoice.DueDate 'iso'}}", "23 November 2026 2026-11-23"},
		{"{{date Invoice.DeliveryDate 'rfc3339'}}", "2026-11-23T15:05:00+01:00"},
		{"{{date Invoice.DeliveryDate 'rfc3339' zone=Account.TimeZone}}", "2026-11-23T23:05:00+09:00"},
		{"{{date Invoice.DeliveryDate 'time' zone='America/New_York'}}", "09:05"},
		{"{{date [Current Time]}}", "13:00"},
		{"[{{date Invoice.PeriodEnd}}]", "[]"},
		{"{{date (default Invoice.PeriodEnd Invoice.Date) 'short'}}", "23 Nov 2026"},
		{"{{number Invoice.Total}} {{number Invoice.Total digits=2}}", "-1,234,567.005 -1,234,567.01"},
		{"{{number Invoice.Total digits=0 grouping=' ' point=','}}", "-1 234 567"},
		{"{{number Invoice.Total grouping=''}}", "-1234567.005"},
		{"{{currency Invoice.Total Invoice.Currency}}", "-1,234,567.01 EUR"},
		{"{{currency Invoice.Total 'JPY'}}", "-1,234,567 JPY"},
		{"[{{currency Account.Balance Invoice.Currency grouping='.' point=','}}]", "[1.234,50 EUR]"},
		{"{{default Account.DisplayName Account.Name}} {{default Invoice.PeriodEnd \"n/a\"}}", "Northwind Telecom n/a"},
		{"{{#if Invoice.BalanceDue}}due{{else}}paid{{/if}}", "paid"},
		{"{{#unless Invoice.BalanceDue}}paid{{/unless}}", "paid"},
		{"{{#if Invoice.Total}}due{{/if}}{{#if Invoice.PeriodEnd}}x{{/if}}{{#if Account.DisplayName}}x{{/if}}", "due"},
		{"{{#equal Invoice.Status 'posted'}}p{{else}}q{{/equal}}", "p"},
		{"{{#if (equal Account.[Bill Day] 15.0)}}mid{{else if Invoice.Number}}n{{else}}e{{/if}}", "mid"},
		{"{{#if (equal Account.[Bill Day] 16)}}mid{{else if (equal Invoice.Status \"posted\")}}n{{else}}e{{/if}}", "n"},
		{"{{#unless (equal Invoice.Status 'x')}}a{{#if Account.Name}}b{{/if}}{{/unless}}", "ab"},
		{"{{Contact.FirstName}} <b> {{! nothing }}&", "text <b> &"},
		{"\n{{#if Account.Name}}\n a\n{{/if}}\nb  {{~Account.Id~}}  c", "\n a\nbA-1001c"},
	} {
		got := rendered(t, parsed(t, c, row.src, on(delivery.Email, "invoice.delivery")), v)
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.src, got, row.want)
		}
	}
}

func TestAValueIsEncodedForItsOutput(t *testing.T) {
	c := loaded(t)
	v := sample(t, c, "account.created", event.Values{"Account.Name": event.Str("a/../\"<b>\r\nBcc: x&y='`\x00")})
	for _, row := range []struct {
		name, src, want string
		output          Output
	}{
		{"text", "-{{Account.Name}}-", "-a/../\"<b>\r\nBcc: x&y='`\x00-", Text},
		{"HTML", "<p>{{Account.Name}}</p>", "<p>a/../&quot;&lt;b&gt;\r\nBcc: x&amp;y=&#39;&#96;</p>", HTML},
		{"link", `<a href="https://example.com/{{Account.Name}}">`, `<a href="https://example.com/a%2F..%2F%22%3Cb%3E%0D%0ABcc%3A%20x%26y%3D%27%60%00">`, HTML},
		{"header", "Re: {{Account.Name}}", "Re: a/../\"<b> Bcc: x&y='`", HeaderLine},
		{"path", "/v1/{{Account.Name}}/x", "/v1/a%2F..%2F%22%3Cb%3E%0D%0ABcc%3A%20x%26y%3D%27%60%00/x", URLPath},
		{"query", "a={{Account.Name}}&b={{Account.Id}}", "a=a%2F..%2F%22%3Cb%3E%0D%0ABcc%3A%20x%26y%3D%27%60%00&b=A-1001", URLQuery},
	} {
		got := rendered(t, parsed(t, c, row.src, Use{Channel: delivery.Email, Output: row.output}), v)
		if got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestValuesDoNotMakeAPathClimb(t *testing.T) {
	c := loaded(t)
	for _, row := range []struct{ src, name, id string }{
		{"/a/{{Account.Name}}/b", "..", ""},
		{"/a/{{Account.Name}}", ".", ""},
		{"/a/.{{Account.Name}}", ".", ""},
		{"/a/{{Account.Name}}{{Account.Id}}", ".", "."},
		{"/{{Account.Name}}/example.com", "", ""},
	} {
		tpl := parsed(t, c, row.src, Use{Channel: delivery.Webhook, Output: URLPath})
		v := sample(t, c, "account.created", event.Values{"Account.Name": event.Str(row.name), "Account.Id": event.Str(row.id)})
		if got, err := tpl.Render(v); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s with %q and %q: %q, %v", row.src, row.name, row.id, got, err)
		}
	}
}

func TestAJSONValueKeepsTheTypeOfASingleToken(t *testing.T) {
	c := loaded(t)
	use := Use{Events: []string{DeliveryDatePlus}, Channel: delivery.Webhook, Output: JSONValue}
	v := sample(t, c, DeliveryDatePlus, event.Values{"Account.Bill Day": event.Num("15"), "Invoice.Date": event.Value{}, "Account.Name": event.Str("a\"b\\")})
	for src, want := range map[string]string{
		"{{Account.[Bill Day]}}":          `15`,
		"{{Invoice.Total}}":               `"1234.50"`,
		"{{Schedule.Late}}":               `false`,
		"{{Invoice.Date}}":                `null`,
		"{{default Invoice.Date 'none'}}": `"none"`,
		" {{Account.[Bill Day]}}":         `" 15"`,
		"{{Account.Name}}":                `"a\"b\\"`,
		"\"{{Account.Name}}\"":            `"\"a\"b\\\""`,
		"{{#if Schedule.Late}}1{{/if}}":   `""`,
		"":                                `""`,
	} {
		if got := rendered(t, parsed(t, c, src, use), v); got != want {
			t.Errorf("%s: %s, want %s", src, got, want)
		}
	}
}

func TestAValueKeepsItsJSONType(t *testing.T) {
	c := loaded(t)
	v := sample(t, c, "account.created", event.Values{"Account.Bill Day": event.Num("15"), "Account.Name": event.Value{}})
	for token, want := range map[string]string{"Account.Bill Day": `15`, "Account.Balance": `"1234.50"`, "Account.Name": `null`, "Owner Name": `"Acme \u0026 Sons"`} {
		got, ok := c.Value(token, v)
		if b, err := json.Marshal(got); !ok || err != nil || string(b) != want {
			t.Errorf("%s: %s %v %v", token, b, ok, err)
		}
	}
	if _, ok := c.Value("Account.Nam", v); ok {
		t.Error("an unknown token has a value")
	}
	whole, err := parsed(t, c, "{{Account.[Bill Day]}}", on(delivery.Webhook)).Value(v)
	mixed, err2 := parsed(t, c, "day {{Account.[Bill Day]}}", on(delivery.Webhook)).Value(v)
	if err != nil || err2 != nil || whole != event.Num("15") || mixed != event.Str("day 15") {
		t.Errorf("values %v %v, errors %v %v", whole, mixed, err, err2)
	}
}

func TestEventDataStandsInForNeitherCoreNorContact(t *testing.T) {
	c := loaded(t)
	ev := &event.Event{ID: "evt_1", Type: "account.created", Data: event.Values{
		"Owner Name": event.Str("forged"), "Contact.Email": event.Str("forged@example.com"),
	}}
	tpl := parsed(t, c, "{{[Owner Name]}}|{{Contact.Email}}", on(delivery.Email))
	if got := rendered(t, tpl, c.Values(ev, Frame{OwnerName: "Acme", Now: noon()})); got != "Acme|" {
		t.Errorf("rendered %q", got)
	}
}

func TestTheZeroValuesRenderAsEmpty(t *testing.T) {
	c := loaded(t)
	for _, token := range c.Tokens() {
		tpl := parsed(t, c, "{{"+Spelling(token.Name)+"}}", on(delivery.Email))
		if got := rendered(t, tpl, Values{}); got != "" {
			t.Errorf("%s: %q", token.Name, got)
		}
	}
}

func TestWhatIsRenderedIsBounded(t *testing.T) {
	c := loaded(t)
	tpl := parsed(t, c, strings.Repeat("{{Account.Name}}", 2000), on(delivery.Email))
	long := sample(t, c, "account.created", event.Values{"Account.Name": event.Str(strings.Repeat("&", MaxText))})
	if got, err := tpl.Render(long); fault.KindOf(err) != fault.Invalid || got != "" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestTokensInUseAreListedOnce(t *testing.T) {
	tpl := parsed(t, loaded(t), "{{Invoice.Total}}{{#if (equal Account.Id 'x')}}{{date Invoice.Date zone=Account.TimeZone}}{{/if}}{{Invoice.Total}}", on(delivery.Email))
	want := []string{"Account.Id", "Account.TimeZone", "Invoice.Date", "Invoice.Total"}
	if got := tpl.Tokens(); !slices.Equal(got, want) {
		t.Errorf("tokens %v, want %v", got, want)
	}
}
