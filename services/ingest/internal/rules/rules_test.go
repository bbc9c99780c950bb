package rules_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/ingest/internal/rules"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/tokens"
)

func load(t testing.TB) (*tokens.Catalogue, *rules.Rules) {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c, rules.New(c)
}

// schemas compiles the published schema of every type, with formats asserted.
func schemas(t testing.TB, c *tokens.Catalogue) map[string]*jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	out := map[string]*jsonschema.Schema{}
	for _, e := range c.Events() {
		b, err := c.Schema(e.Type)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(e.Type, doc); err != nil {
			t.Fatal(err)
		}
		if out[e.Type], err = compiler.Compile(e.Type); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func schemaTakes(t *rapid.T, s *jsonschema.Schema, data event.Values) bool {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data.AppendJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc) == nil
}

// values draws values around every border of a type of tokens.
func values(form tokens.Type) *rapid.Generator[event.Value] {
	number := rapid.Map(rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,6})?`),
		rapid.SampledFrom([]string{
			"0", "-0", "-0.0", "1.0", "1.50", "-1", "1000000", "1000001", "1000000.0001", "999999.9", "-0.1",
			"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "9223372036854775807.5",
			"1000000000000000000", "1000000000000000000.1", "-1000000000000000000", "-1000000000000000000.1",
		}),
	), event.Num)
	text := func(patterns ...string) *rapid.Generator[event.Value] {
		all := []*rapid.Generator[string]{rapid.String()}
		for _, p := range patterns {
			all = append(all, rapid.StringMatching(p))
		}
		return rapid.Map(rapid.OneOf(all...), event.Str)
	}
	switch form {
	case tokens.Integer, tokens.Decimal, tokens.Percent:
		return number
	case tokens.Boolean:
		return rapid.Map(rapid.Bool(), event.Boolean)
	case tokens.Money:
		return text(`-?[0-9]{17,19}`, `[+-]?[0-9]{0,20}(\.[0-9]{0,8})?\n?`)
	case tokens.Currency:
		return text(`[A-Za-z]{2,4}`, `[A-Z]{3}\n?`)
	case tokens.Date:
		return text(`[0-9]{4}-[01][0-9]-[0-3][0-9]\n?`, `20(24|26|28)-02-(28|29|30)`, `2026-(04|06|12)-(30|31)`, `[0-9]{3,5}-[0-9]{1,2}-[0-9]{1,2}`)
	case tokens.Time:
		return text(`[0-2]?[0-9]:[0-6][0-9](:[0-6][0-9])?`, `2[0-9]:[0-9]{1,2}`)
	case tokens.DateTime:
		return text(`20(24|26)-02-(28|29|30)T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,10})?(Z|[+-][0-2][0-9]:[0-6][0-9])`,
			`2026-11-23[Tt ]23:59:(59|60)([.,][0-9]{1,10})?[Zz]?`)
	case tokens.TimeZone:
		return text(`(Europe/Paris|UTC|America/Argentina/Ushuaia|Etc/GMT\+5)x?`, `[A-Za-z]{60,66}`)
	default:
		return rapid.OneOf(text(), rapid.Map(rapid.IntRange(tokens.MaxText-1, tokens.MaxText+1), func(n int) event.Value {
			return event.Str(strings.Repeat("é", n))
		}))
	}
}

// anyForm are the types of tokens, to draw a value of another type.
var anyForm = []tokens.Type{tokens.String, tokens.Money, tokens.Integer, tokens.Boolean, tokens.Date}

func TestCodeAndSchemaGiveTheSameVerdicts(t *testing.T) {
	c, r := load(t)
	compiled, all := schemas(t, c), c.Tokens()
	byForm := map[tokens.Type][]string{}
	for _, e := range c.Events() {
		for _, token := range c.Carried(e.Type) {
			byForm[token.Type] = append(byForm[token.Type], e.Type+" "+token.Name)
		}
	}
	for form, places := range byForm {
		t.Run(string(form), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				for range 20 {
					typ, name, _ := strings.Cut(rapid.SampledFrom(places).Draw(t, "token"), " ")
					of := form
					switch rapid.IntRange(0, 19).Draw(t, "confusion") {
					case 0:
						name = rapid.SampledFrom(all).Draw(t, "other token").Name
					case 1:
						name = rapid.String().Draw(t, "name")
					case 2:
						of = rapid.SampledFrom(anyForm).Draw(t, "other form")
					}
					data := event.Values{name: values(of).Draw(t, "value")}
					if unknownZone(c, data) {
						continue
					}
					problems := r.Check(typ, data)
					if takes := schemaTakes(t, compiled[typ], data); takes != (problems == nil) {
						t.Fatalf("%s %s: schema takes it: %v; problems: %v", typ, data.AppendJSON(nil), takes, problems)
					}
				}
			})
		})
	}
}

// unknownZone reports whether the data breaks the one rule that a schema cannot
// say.
func unknownZone(c *tokens.Catalogue, data event.Values) bool {
	for name, v := range data {
		if token, ok := c.Token(name); ok && token.Type == tokens.TimeZone && v.Kind() == event.String && !tokens.ValidZone(v.Text()) {
			return true
		}
	}
	return false
}

func TestEveryExampleOfTheCatalogueIsTaken(t *testing.T) {
	c, r := load(t)
	for _, e := range c.Events() {
		if problems := r.Check(e.Type, c.Example(e.Type).Data); problems != nil {
			t.Errorf("%s: %v", e.Type, problems)
		}
	}
}

func TestWrongDataIsRefusedWithPlaceAndRule(t *testing.T) {
	_, r := load(t)
	for _, row := range []struct {
		name, typ, token string
		value            event.Value
		rule, detail     string
	}{
		{"case variant", "invoice.posted", "invoice.total", event.Str("1"), rules.RuleToken, "Invoice.Total"},
		{"typing error", "invoice.posted", "Invoice.Totel", event.Str("1"), rules.RuleToken, "Invoice.Total"},
		{"token of another event", "invoice.posted", "BillRun.Status", event.Str("x"), rules.RuleUnavailable, "invoice.posted"},
		{"token of other events only", "account.cancellation", "Account.PreviousStatus", event.Str("x"), rules.RuleUnavailable, "account.cancellation"},
		{"core token", "invoice.posted", "Owner Name", event.Str("x"), rules.RuleFilled, "filled in"},
		{"contact token", "invoice.posted", "Contact.Email", event.Str("x"), rules.RuleFilled, "filled in"},
		{"money as a number", "invoice.posted", "Invoice.Total", event.Num("12.50"), rules.RuleKind, "decimal text"},
		{"money with a comma", "invoice.posted", "Invoice.Total", event.Str("12,50"), rules.RuleForm, "decimal text"},
		{"integer as text", "invoice.posted", "Account.Bill Day", event.Str("15"), rules.RuleKind, "number"},
		{"broken integer", "invoice.posted", "Account.Bill Day", event.Num("1.5"), rules.RuleForm, "whole"},
		{"percent below zero", "usage.threshold_exceeded", "AccountServiceUsageBucket.Threshold", event.Num("-1"), rules.RuleRange, "within"},
		{"zone that is none", "invoice.posted", "Account.TimeZone", event.Str("Europe/Atlantis"), rules.RuleForm, "zone"},
		{"text without end", "invoice.posted", "Account.Name", event.Str(strings.Repeat("x", tokens.MaxText+1)), rules.RuleLength, "8192"},
	} {
		problems := r.Check(row.typ, event.Values{row.token: row.value})
		if len(problems) != 1 || problems[0].Pointer != "/"+row.token || problems[0].Rule != row.rule || !strings.Contains(problems[0].Detail, row.detail) {
			t.Errorf("%s: got %v, want %s with %q", row.name, problems, row.rule, row.detail)
		}
	}
}

func TestUnknownTypeNamesTheNearest(t *testing.T) {
	_, r := load(t)
	_, problems := r.Type("Invoice.Postd")
	if len(problems) != 1 || problems[0].Rule != rules.RuleType || !strings.Contains(problems[0].Detail, "invoice.posted") {
		t.Errorf("got %v", problems)
	}
	if _, problems := r.Type(strings.Repeat("x.", 1000)); len(problems) != 1 {
		t.Errorf("got %v", problems)
	}
}

func TestTypesKnowWhoMayPublishThemAndWhetherAnAccountIsNeeded(t *testing.T) {
	_, r := load(t)
	for typ, want := range map[string]struct{ reserved, account bool }{
		"invoice.posted":             {false, true},
		"usage.seen":                 {false, true},
		"invoice.overdue":            {false, true},
		"bill_run.started":           {false, false},
		"report.generated":           {false, false},
		"endpoint.disabled":          {true, false},
		"event.rejected":             {true, false},
		"invoice.delivery_date_plus": {true, true},
	} {
		got, problems := r.Type(typ)
		if problems != nil || got.Reserved != want.reserved || got.AccountRequired != want.account {
			t.Errorf("%s: %+v, %v", typ, got, problems)
		}
	}
}

func TestRecordOfTheAccountCompletesAllButWhatMoves(t *testing.T) {
	c, r := load(t)
	got, _ := r.Type("invoice.posted")
	var want int
	for _, token := range c.Carried("invoice.posted") {
		if token.Group == "Account" || token.Group == "Account Company" {
			want++
		}
	}
	if len(got.Completed) != want {
		t.Errorf("completes %d tokens of %d: %v", len(got.Completed), want, got.Completed)
	}
	moving, _ := r.Type("account.status_change")
	for _, token := range moving.Completed {
		if token == "Account.CurrentStatus" || token == "Account.PreviousStatus" {
			t.Errorf("completes %s", token)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	c, r := load(b)
	data := c.Example("invoice.posted").Data
	b.ReportAllocs()
	for b.Loop() {
		if problems := r.Check("invoice.posted", data); problems != nil {
			b.Fatal(problems)
		}
	}
}
