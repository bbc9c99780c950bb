package document_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
)

func TestJSONAndYAMLGiveTheSame(t *testing.T) {
	fromJSON, p := document.ParseJSON([]byte(`{"id":"a","name":"A/S","balance":1234.50,"balance_due":"0.10","contacts":[{"id":"c","type":"billing","zip":"01234"}]}`))
	if p != nil {
		t.Fatal(p)
	}
	docs, p := document.ParseYAML([]byte("id: a\nname: A/S\nbalance: 1234.50\nbalance_due: \"0.10\"\ncontacts:\n- id: c\n  type: billing\n  zip: '01234'\n---\n"))
	if p != nil || len(docs) != 1 {
		t.Fatal(len(docs), p)
	}
	var want, got account.Account
	if p := fromJSON.Decode(&want); p != nil {
		t.Fatal(p)
	}
	if p := docs[0].Decode(&got); p != nil {
		t.Fatal(p)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got.Balance != "1234.50" {
		t.Errorf("balance = %s", got.Balance)
	}
}

func TestANumberMayHaveAFractionWhereItsMemberAllows(t *testing.T) {
	for _, src := range []string{`{"rate_limit":2.5}`, "rate_limit: 2.5\n"} {
		var got endpoint.Document
		if p := decode(t, src, &got); p != nil || got.RateLimit != 2.5 {
			t.Errorf("%s: %v, %v", src, got.RateLimit, p)
		}
	}
}

func decode(t *testing.T, src string, into any) fault.Problems {
	t.Helper()
	if strings.HasPrefix(src, "{") {
		v, p := document.ParseJSON([]byte(src))
		if p != nil {
			return p
		}
		return v.Decode(into)
	}
	docs, p := document.ParseYAML([]byte(src))
	if p != nil {
		return p
	}
	return docs[0].Decode(into)
}

func TestWhatDoesNotFitIsRefusedWithItsPlace(t *testing.T) {
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, row := range []struct {
		name, src     string
		into          any
		pointer, rule string
	}{
		{"unknown member", `{"id":"a","nam":"x"}`, &account.Account{}, "/nam", "member.unknown"},
		{"case variant", `{"ID":"a"}`, &account.Account{}, "/ID", "member.unknown"},
		{"repeated in JSON", `{"id":"a","id":"b"}`, &account.Account{}, "/id", "member.repeated"},
		{"repeated in YAML", "id: a\nid: b\n", &account.Account{}, "/id", "member.repeated"},
		{"repeated deep inside", `{"company":{"city":"x","city":"y"}}`, &account.Account{}, "/company/city", "member.repeated"},
		{"number for text", "id: 12\n", &account.Account{}, "/id", "document.kind"},
		{"text for number", `{"bill_day":"3"}`, &account.Account{}, "/bill_day", "document.kind"},
		{"fraction for whole number", `{"bill_day":3.5}`, &account.Account{}, "/bill_day", "number.whole"},
		{"huge number", `{"bill_day":99999999999999999999}`, &account.Account{}, "/bill_day", "number.whole"},
		{"number beyond all", `{"rate_limit":1e999}`, &endpoint.Document{}, "/rate_limit", "number.range"},
		{"infinite number", "rate_limit: .inf\n", &endpoint.Document{}, "/rate_limit", "yaml.form"},
		{"no number at all", "rate_limit: .nan\n", &endpoint.Document{}, "/rate_limit", "yaml.form"},
		{"text for a number with a fraction", `{"rate_limit":"2.5"}`, &endpoint.Document{}, "/rate_limit", "document.kind"},
		{"exponent as money", `{"balance":1e3}`, &account.Account{}, "/balance", "document.form"},
		{"list for object", `{"company":[]}`, &account.Account{}, "/company", "document.kind"},
		{"unknown in a list", `{"contacts":[{"id":"a"},{"mail":"b"}]}`, &account.Account{}, "/contacts/1/mail", "member.unknown"},
		{"unknown in a map", `{"locales":{"de":{"subjekt":"x"}}}`, &email.Spec{}, "/locales/de/subjekt", "member.unknown"},
		{"repeated in a map", `{"locales":{"de":{},"de":{}}}`, &email.Spec{}, "/locales/de", "member.repeated"},
		{"list for a map", `{"locales":[]}`, &email.Spec{}, "/locales", "document.kind"},
		{"name with a slash", `{"locales":{"a/b":1}}`, &email.Spec{}, "/locales/a~1b", "document.kind"},
		{"too deep", `{"id":` + deep + `}`, &account.Account{}, "", ""},
		{"second document", `{"id":"a"}{}`, &account.Account{}, "", "json.form"},
		{"not closed", `{"id":"a"`, &account.Account{}, "", "json.form"},
		{"invalid UTF-8", "{\"id\":\"\xff\"}", &account.Account{}, "", "text.utf8"},
		{"anchor", "id: &x a\nname: *x\n", &account.Account{}, "/id", "yaml.form"},
		{"merge key", "id: a\n<<: {name: b}\n", &account.Account{}, "", "yaml.form"},
		{"tag", "id: !!binary YQ==\n", &account.Account{}, "/id", "yaml.form"},
		{"octal", "bill_day: 012\n", &account.Account{}, "/bill_day", "yaml.form"},
		{"infinity", "balance: .inf\n", &account.Account{}, "/balance", "yaml.form"},
		{"filter operator", `{"filter":{"Invoice.Total":[{"like":"x"}]}}`, &subscription.Spec{}, "", ""},
		{"retry without unit", `{"retry":["5"]}`, &endpoint.Spec{}, "", ""},
		{"revision is ours", `{"id":"a","revision":3}`, &smtp.Document{}, "/revision", "member.unknown"},
		{"sealed text is ours", `{"id":"a","sealed_password":"x"}`, &smtp.Document{}, "/sealed_password", "member.unknown"},
		{"mask for a password", `{"id":"a","password":"[secret]"}`, &smtp.Document{}, "/password", "document.form"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := decode(t, row.src, row.into)
			if len(p) == 0 {
				t.Fatal("accepted")
			}
			if row.rule != "" && (p[0].Pointer != row.pointer || p[0].Rule != row.rule) {
				t.Errorf("problems = %+v", p)
			}
		})
	}
}

func TestAFileMayBeginWithTheMarkThatEditorsPutBeforeUTF8(t *testing.T) {
	docs, p := document.ParseYAML([]byte("\xef\xbb\xbfkind: owner\r\nid: acme\r\n"))
	if p != nil || len(docs) != 1 {
		t.Fatalf("%d documents, %v", len(docs), p)
	}
	if kind, ok := docs[0].Take("kind"); !ok || kind != "owner" {
		t.Errorf("kind %q", kind)
	}
}

func TestATabThatIndentsIsNamed(t *testing.T) {
	for src, want := range map[string]bool{"id: a\n\tname: b\n": true, "id: a\nname: [\n": false, "text: |\n  a\n  \tb\nname: [\n": false} {
		_, p := document.ParseYAML([]byte(src))
		if len(p) != 1 || p[0].Rule != "yaml.form" || strings.Contains(p[0].Detail, "tabs") != want {
			t.Errorf("%q: %+v", src, p)
		}
	}
}

func TestTimesAndDatesStayText(t *testing.T) {
	var s subscription.Spec
	if p := decode(t, "schedule: {days: 3, time: 09:00}\nname: 2026-11-23\n", &s); p != nil {
		t.Fatal(p)
	}
	if s.Schedule.Time != "09:00" || s.Name != "2026-11-23" {
		t.Errorf("%+v %s", s.Schedule, s.Name)
	}
}

func TestLineOfAPointer(t *testing.T) {
	docs, p := document.ParseYAML([]byte("# c\nid: a\ncontacts:\n- id: c\n  type: x\n- id: d\n  type: y\n"))
	if p != nil {
		t.Fatal(p)
	}
	for pointer, want := range map[string]int{"": 2, "/id": 2, "/contacts/1/type": 7, "/contacts/1": 6, "/contacts/7/x": 4} {
		if got := docs[0].Line(pointer); got != want {
			t.Errorf("line of %q = %d, want %d", pointer, got, want)
		}
	}
}

func TestASyntaxErrorDoesNotQuoteTheSource(t *testing.T) {
	_, p := document.ParseYAML([]byte("password: canary-1\n  x: [canary-2\n"))
	if len(p) == 0 || strings.Contains(p.Error(), "canary") {
		t.Errorf("problems = %v", p)
	}
	if p[0].Line == 0 {
		t.Error("no line")
	}
}

// FuzzYAML holds that no input panics, and that what is accepted can be
// written as JSON and read again to the same.
func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"id: a\nname: b\n", "- a\n- {b: c}\n", "a: |\n  x\n  y\n", "a: &x [*x]\n", "? a\n: b\n", "%YAML 1.2\n---\na\n", "a: 'b''c'\n", "\t", "--- ---", "{a: [}", "<<: *a",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, p := document.ParseYAML(data)
		if p != nil {
			return
		}
		for _, d := range docs {
			again, p := document.ParseJSON(d.JSON())
			if p != nil {
				t.Fatalf("%s: %v", d.JSON(), p)
			}
			if string(again.JSON()) != string(d.JSON()) {
				t.Fatalf("%s became %s", d.JSON(), again.JSON())
			}
			var a account.Account
			_ = d.Decode(&a)
		}
	})
}
