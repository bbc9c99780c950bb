package strictjson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/services/ingest/internal/strictjson"
)

func TestRefusesWhatParsersReadDifferently(t *testing.T) {
	deep := strings.Repeat("[", strictjson.MaxDepth+1) + strings.Repeat("]", strictjson.MaxDepth+1)
	for _, row := range []struct{ name, text, pointer, rule string }{
		{"nothing", "", "", strictjson.RuleSyntax},
		{"space only", " \n", "", strictjson.RuleSyntax},
		{"duplicate member", `{"a":1,"a":2}`, "/a", strictjson.RuleDuplicate},
		{"duplicate under an escape", `{"id":1,"\u0069d":2}`, "/id", strictjson.RuleDuplicate},
		{"duplicate in a nested object", `{"data":{"x":{"a":1,"a":1}}}`, "/data/x/a", strictjson.RuleDuplicate},
		{"invalid utf-8", "{\"a\":\"\xff\"}", "", strictjson.RuleUTF8},
		{"overlong utf-8", "\"\xc0\xaf\"", "", strictjson.RuleUTF8},
		{"utf-8 of a surrogate", "\"\xed\xa0\x80\"", "", strictjson.RuleUTF8},
		{"lone high surrogate", `{"a":"\ud800"}`, "/a", strictjson.RuleSurrogate},
		{"lone low surrogate", `{"a":"\udc00x"}`, "/a", strictjson.RuleSurrogate},
		{"two high surrogates", `{"a":"\ud800\ud800"}`, "/a", strictjson.RuleSurrogate},
		{"nul", `{"a/b":"x\u0000"}`, "/a~1b", strictjson.RuleNUL},
		{"byte order mark", "\ufeff{}", "", strictjson.RuleBOM},
		{"trailing value", `{} {}`, "", strictjson.RuleTrailing},
		{"trailing comma", `{"a":1,}`, "", strictjson.RuleSyntax},
		{"too deep", deep, "/0/0/0/0/0/0/0/0", strictjson.RuleDepth},
		{"exponent", `{"a":1e9}`, "/a", strictjson.RuleNumber},
		{"33 digits", `{"a":` + strings.Repeat("9", 33) + `}`, "/a", strictjson.RuleNumber},
		{"33 digits with a fraction", `[1,0.` + strings.Repeat("9", 32) + `]`, "/1", strictjson.RuleNumber},
		{"leading zero", `01`, "", strictjson.RuleSyntax},
		{"leading plus", `+1`, "", strictjson.RuleSyntax},
		{"no digit before the point", `.5`, "", strictjson.RuleSyntax},
		{"no digit behind the point", `5.`, "", strictjson.RuleSyntax},
		{"minus alone", `-`, "", strictjson.RuleSyntax},
		{"not a number", `NaN`, "", strictjson.RuleSyntax},
		{"single quotes", `{'a':1}`, "", strictjson.RuleSyntax},
		{"comment", `{/**/}`, "", strictjson.RuleSyntax},
		{"raw control character", "\"a\nb\"", "", strictjson.RuleSyntax},
		{"raw control character behind an escape", "\"\\t\n\"", "", strictjson.RuleSyntax},
		{"unknown escape", `"\x"`, "", strictjson.RuleSyntax},
		{"short escape", `"\u12"`, "", strictjson.RuleSyntax},
		{"escape at the end", `"\`, "", strictjson.RuleSyntax},
		{"open string", `"abc`, "", strictjson.RuleSyntax},
		{"open object", `{"a":1`, "", strictjson.RuleSyntax},
		{"wrong bracket", `[1}`, "", strictjson.RuleSyntax},
		{"missing colon", `{"a" 1}`, "", strictjson.RuleSyntax},
		{"too many members", "[" + strings.Repeat("1,", strictjson.MaxMembers) + "1]", "", strictjson.RuleMembers},
	} {
		_, problems := strictjson.Parse([]byte(row.text))
		if len(problems) != 1 || problems[0].Rule != row.rule || problems[0].Pointer != row.pointer || problems[0].Detail == "" {
			t.Errorf("%s: got %+v, want %s at %q", row.name, problems, row.rule, row.pointer)
		}
	}
}

func TestTakesTheLimitsThemselves(t *testing.T) {
	deepest := strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth)
	for _, text := range []string{
		deepest,
		strings.Repeat("9", strictjson.MaxDigits),
		"-0." + strings.Repeat("9", strictjson.MaxDigits-1),
		"[" + strings.Repeat("1,", strictjson.MaxMembers-1) + "1]",
		" {\r\n\t} ",
	} {
		if _, problems := strictjson.Parse([]byte(text)); problems != nil {
			t.Errorf("%.40s: %v", text, problems)
		}
	}
}

func TestDecodesEveryEscape(t *testing.T) {
	n, problems := strictjson.Parse([]byte(`"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ufffd"`))
	if want := "a\"\\/\b\f\n\r\té😀\ufffd"; problems != nil || n.Text != want {
		t.Fatalf("got %q, %v", n.Text, problems)
	}
}

func TestManyMembersAreFoundDuplicateToo(t *testing.T) {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`"m` + strings.Repeat("x", i) + `":1,`)
	}
	if _, problems := strictjson.Parse([]byte("{" + b.String() + `"z":1}`)); problems != nil {
		t.Fatal(problems)
	}
	if _, problems := strictjson.Parse([]byte("{" + b.String() + `"mxx":1}`)); len(problems) != 1 || problems[0].Pointer != "/mxx" {
		t.Fatalf("got %v", problems)
	}
}

func TestElementsCutsAnArrayWithoutLookingInside(t *testing.T) {
	for _, row := range []struct {
		text string
		want []string
	}{
		{`[]`, nil},
		{` [ ] `, nil},
		{`[{"a":"],["}]`, []string{`{"a":"],["}`}},
		{`[{"a":[1,2]}, {"b":"\""} ,3]`, []string{`{"a":[1,2]}`, `{"b":"\""} `, `3`}},
		{`[{"a":1,"a":1},nonsense]`, []string{`{"a":1,"a":1}`, `nonsense`}},
	} {
		got, problems := strictjson.Elements([]byte(row.text), 100)
		var texts []string
		for _, e := range got {
			texts = append(texts, string(e))
		}
		if problems != nil || !cmp.Equal(texts, row.want) {
			t.Errorf("%s: got %q, %v", row.text, texts, problems)
		}
	}
	for _, text := range []string{``, `{}`, `[`, `[1`, `[1,`, `[1,]`, `[,1]`, `[1}`, `[] []`, `["a]`} {
		if _, problems := strictjson.Elements([]byte(text), 100); problems == nil {
			t.Errorf("%s: taken", text)
		}
	}
}

// What is written with the standard encoder is read back as it was.
func TestReadsWhatTheStandardEncoderWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "object")
		for k, v := range want {
			if strings.Contains(k+v, "\x00") {
				return
			}
		}
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		n, problems := strictjson.Parse(b)
		if problems != nil {
			t.Fatal(problems)
		}
		got := map[string]string{}
		for _, m := range n.Members {
			got[m.Name] = m.Value.Text
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5,"x\u00e9\ud83d\ude00",true,null]}`, `{"a":1,"a":2}`, "\ufeff{}", `[[[[[[[[[]]]]]]]]]`, `"\ud800"`, `1e9`, `{"a"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, problems := strictjson.Parse(b)
		if problems != nil {
			return
		}
		// Strict means: never more than the standard, and the same reading.
		var v any
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatalf("took what is no json: %v", err)
		}
		if s, ok := v.(string); ok && s != n.Text {
			t.Fatalf("read %q, the standard reads %q", n.Text, s)
		}
		if m, ok := v.(map[string]any); ok && len(m) != len(n.Members) {
			t.Fatalf("read %d members, the standard reads %d", len(n.Members), len(m))
		}
	})
}

func TestElementsStopsBehindTheGreatestNumber(t *testing.T) {
	got, problems := strictjson.Elements([]byte("["+strings.Repeat("1,", 1000)+"1]"), 10)
	if len(got) != 11 || problems != nil {
		t.Errorf("%d elements, %v", len(got), problems)
	}
}

func FuzzElements(f *testing.F) {
	for _, s := range []string{`[{"a":"],["},2]`, `[]`, `[1,]`, `["\"]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parts, problems := strictjson.Elements(b, len(b))
		var standard []json.RawMessage
		if json.Unmarshal(b, &standard) != nil || standard == nil {
			return
		}
		if problems != nil || len(parts) != len(standard) {
			t.Fatalf("cut %d elements, the standard %d: %v", len(parts), len(standard), problems)
		}
	})
}
