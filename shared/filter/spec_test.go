package filter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/filter"
)

// found writes problems as "pointer rule", one a line.
func found(p fault.Problems) string {
	var b strings.Builder
	for _, q := range p {
		b.WriteString(q.Pointer + " " + q.Rule + "\n")
	}
	return b.String()
}

// refusals returns what Parse, or else Check, says of a document.
func refusals(doc string) fault.Problems {
	spec, err := filter.Parse([]byte(doc))
	if err != nil {
		return fault.ProblemsOf(err)
	}
	return spec.Check(nil)
}

func repeat(n int, item string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
}

func many(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"T%02d":[1]`, i)
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestBadFiltersAreRefusedAtTheirPlace(t *testing.T) {
	long := `"` + strings.Repeat("x", filter.MaxText+1) + `"`
	for _, row := range []struct{ name, doc, want string }{
		{"no JSON", `{"A":[`, " filter.syntax"},
		{"nothing", ``, " filter.syntax"},
		{"two documents", `{} {}`, " filter.syntax"},
		{"invalid UTF-8", "{\"A\":[\"\xff\"]}", " filter.syntax"},
		{"a list", `[]`, " filter.shape"},
		{"a text", `"A"`, " filter.shape"},
		{"a value in place of a list", `{"A":"x"}`, "/A filter.shape"},
		{"an object in place of a list", `{"A":{"prefix":"x"}}`, "/A filter.shape"},
		{"null in place of a list", `{"A":null}`, "/A filter.shape"},
		{"a pointer with a slash", `{"A/B~C":1}`, "/A~1B~0C filter.shape"},
		{"a token twice", `{"A":["x"],"A":["y"]}`, "/A filter.duplicate"},
		{"a token twice by an escape", `{"A":["x"],"\u0041":["y"]}`, "/A filter.duplicate"},
		{"no alternative", `{"A":[]}`, "/A filter.empty"},
		{"a null", `{"A":["x",null]}`, "/A/1 filter.operand"},
		{"a list in the list", `{"A":[["x"]]}`, "/A/0 filter.operand"},
		{"an empty object", `{"A":[{}]}`, "/A/0 filter.operator"},
		{"two operators", `{"A":[{"prefix":"x","suffix":"y"}]}`, "/A/0 filter.operator"},
		{"an operator twice", `{"A":[{"prefix":"x","prefix":"y"}]}`, "/A/0/prefix filter.duplicate"},
		{"an unknown operator", `{"A":[{"regex":".*"}]}`, "/A/0/regex filter.operator"},
		{"an operator in capitals", `{"A":[{"Prefix":"x"}]}`, "/A/0/Prefix filter.operator"},
		{"the name of exact", `{"A":[{"exact":"x"}]}`, "/A/0/exact filter.operator"},
		{"a number as prefix", `{"A":[{"prefix":9}]}`, "/A/0/prefix filter.operand"},
		{"an empty prefix", `{"A":[{"prefix":""}]}`, "/A/0/prefix filter.operand"},
		{"a list as suffix", `{"A":[{"suffix":["x"]}]}`, "/A/0/suffix filter.operand"},
		{"null as suffix", `{"A":[{"suffix":null}]}`, "/A/0/suffix filter.operand"},
		{"anything but nothing", `{"A":[{"anything-but":[]}]}`, "/A/0/anything-but filter.operand"},
		{"anything but null", `{"A":[{"anything-but":null}]}`, "/A/0/anything-but filter.operand"},
		{"anything but an operator", `{"A":[{"anything-but":{"prefix":"x"}}]}`, "/A/0/anything-but filter.operand"},
		{"anything but a list with null", `{"A":[{"anything-but":["x",null]}]}`, "/A/0/anything-but/1 filter.operand"},
		{"exists of a text", `{"A":[{"exists":"true"}]}`, "/A/0/exists filter.operand"},
		{"exists of null", `{"A":[{"exists":null}]}`, "/A/0/exists filter.operand"},
		{"numeric of a number", `{"A":[{"numeric":90}]}`, "/A/0/numeric filter.shape"},
		{"numeric of nothing", `{"A":[{"numeric":[]}]}`, "/A/0/numeric filter.operand"},
		{"numeric without a number", `{"A":[{"numeric":[">="]}]}`, "/A/0/numeric filter.operand"},
		{"numeric of three pairs", `{"A":[{"numeric":[">",1,"<",3,"=",2]}]}`, "/A/0/numeric filter.operand"},
		{"numeric turned around", `{"A":[{"numeric":[90,">="]}]}`, "/A/0/numeric/0 filter.operator\n/A/0/numeric/1 filter.operand"},
		{"an unknown comparison", `{"A":[{"numeric":["!=",9]}]}`, "/A/0/numeric/0 filter.operator"},
		{"numeric of a word", `{"A":[{"numeric":["<",9,">","many"]}]}`, "/A/0/numeric/3 filter.operand"},
		{"numeric of a boolean", `{"A":[{"numeric":["<",true]}]}`, "/A/0/numeric/1 filter.operand"},
		{"numeric of null", `{"A":[{"numeric":["<",null]}]}`, "/A/0/numeric/1 filter.operand"},
		{"numeric beyond all bounds", `{"A":[{"numeric":["<",1e1000000]}]}`, "/A/0/numeric/1 filter.operand"},
		{"a range without numbers", `{"A":[{"numeric":[">",20,"<",10]}]}`, "/A/0/numeric filter.range"},
		{"a range that just misses", `{"A":[{"numeric":["<",10,">=",10.0]}]}`, "/A/0/numeric filter.range"},
		{"two different numbers at once", `{"A":[{"numeric":["=",1,"=",2]}]}`, "/A/0/numeric filter.range"},
		{"an exact number beyond all bounds", `{"A":[1e1000000]}`, "/A/0 filter.operand"},
		{"a text too long", `{"A":[` + long + `]}`, "/A/0 filter.limit"},
		{"a prefix too long", `{"A":[{"prefix":` + long + `}]}`, "/A/0/prefix filter.limit"},
		{"a number too long", `{"A":[` + strings.Repeat("9", filter.MaxText+1) + `]}`, "/A/0 filter.limit"},
		{"51 alternatives", `{"A":` + repeat(51, `"x"`) + `}`, "/A filter.limit"},
		{"51 values of anything but", `{"A":[{"anything-but":` + repeat(51, `"x"`) + `}]}`, "/A filter.limit\n/A/0/anything-but filter.operand"},
		{"50 values of anything but and one more", `{"A":["y",{"anything-but":` + repeat(50, `"x"`) + `}]}`, "/A filter.limit"},
		{"21 tokens", many(21), " filter.limit"},
		{"several at once", `{"B":[null],"A":"x","C":[{"prefix":1}]}`, "/B/0 filter.operand\n/A filter.shape"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want+"\n", found(refusals(row.doc))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFiltersAtTheLimitsAreAccepted(t *testing.T) {
	for name, doc := range map[string]string{
		"20 tokens":                many(20),
		"50 alternatives":          `{"A":` + repeat(50, `"x"`) + `}`,
		"50 values":                `{"A":[{"anything-but":` + repeat(50, `"x"`) + `}]}`,
		"text of 1,024 bytes":      `{"A":["` + strings.Repeat("x", filter.MaxText) + `"]}`,
		"white space everywhere":   " { \"A\" : [ { \"numeric\" : [ \">=\" , 1 ] } , \"x\" ] } \n",
		"a greatest exponent":      `{"A":[1e99999]}`,
		"no condition":             `{}`,
		"null":                     ` null `,
		"a token without a name":   `{"":["x"]}`,
		"a range of equal numbers": `{"A":[{"numeric":["=",1,"=",1.0]}]}`,
	} {
		if p := refusals(doc); p != nil {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestWhatIsNotLegalIsNamedWithWhatIs(t *testing.T) {
	legal := func(token string) (bool, string) {
		return token == "Account.Status", "did you mean Account.Status?"
	}
	spec := filter.Spec{
		"Account.Status": {{Op: filter.Exists, Present: true}},
		"Account.State":  {{Op: filter.Exact, Values: []event.Value{event.Str("x")}}},
	}
	p := spec.Check(legal)
	if len(p) != 1 || p[0].Pointer != "/Account.State" || p[0].Rule != "filter.token" ||
		!strings.Contains(p[0].Detail, `"Account.State"`) || !strings.HasSuffix(p[0].Detail, "did you mean Account.Status?") {
		t.Errorf("Check = %v", p)
	}
}

func TestASpecBuiltByHandIsCheckedToo(t *testing.T) {
	text := []event.Value{event.Str("x")}
	for name, a := range map[string]filter.Alternative{
		"no operation":      {},
		"unknown operation": {Op: "regex", Values: text},
		"exact of nothing":  {Op: filter.Exact},
		"exact of two":      {Op: filter.Exact, Values: []event.Value{event.Str("x"), event.Str("y")}},
		"exact of absent":   {Op: filter.Exact, Values: []event.Value{{}}},
		"prefix of nothing": {Op: filter.Prefix},
		"numeric of none":   {Op: filter.Numeric},
	} {
		if p := (filter.Spec{"A": {a}}).Check(nil); len(p) != 1 {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestASpecReadsWhatItWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := specs.Draw(t, "spec")
		doc, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		var again filter.Spec
		if err := json.Unmarshal(doc, &again); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		second, _ := json.Marshal(again)
		if string(doc) != string(second) {
			t.Fatalf("%s was read as %s", doc, second)
		}
	})
}

func TestASpecWithinADocumentKeepsDigitsAndProblems(t *testing.T) {
	var doc struct {
		Filter filter.Spec `json:"filter"`
	}
	if err := json.Unmarshal([]byte(`{"filter":{"A":[{"numeric":["<",100.10]}]}}`), &doc); err != nil {
		t.Fatal(err)
	}
	if got := doc.Filter["A"][0].Bounds[0].Value.Text(); got != "100.10" {
		t.Errorf("limit = %s", got)
	}
	err := json.Unmarshal([]byte(`{"filter":{"A":"x"}}`), &doc)
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != "/A" {
		t.Errorf("problems: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range corpus(f) {
		f.Add([]byte(r.Filter), "A", "12.50")
	}
	f.Add([]byte(`{"A":[{"numeric":[">",1e-99999]}],"A":[{}]}`), "A", "1e5")
	f.Fuzz(func(t *testing.T, doc []byte, token, text string) {
		spec, err := filter.Parse(doc)
		if err != nil {
			if len(fault.ProblemsOf(err)) == 0 {
				t.Fatalf("%q: an error without a problem: %v", doc, err)
			}
			return
		}
		compiled, err := filter.Compile(spec)
		if err != nil {
			return
		}
		written, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		m := newModel(written)
		for _, vals := range []event.Values{{token: event.Str(text)}, {token: event.Num(text)}, {}} {
			if got, want := compiled.Match(vals), m.match(vals); got != want {
				t.Fatalf("%q on %v: %v, the model says %v", doc, vals, got, want)
			}
		}
	})
}
