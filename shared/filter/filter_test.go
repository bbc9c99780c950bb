package filter_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/filter"
)

// row is one case of testdata/conformance.json, which says what filters mean
// to everyone who implements them.
type row struct {
	Name   string          `json:"name"`
	Filter json.RawMessage `json:"filter"`
	Values event.Values    `json:"values"`
	Match  bool            `json:"match"`
}

func corpus(t testing.TB) []row {
	t.Helper()
	b, err := os.ReadFile("testdata/conformance.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func compile(t testing.TB, doc []byte) *filter.Filter {
	t.Helper()
	spec, err := filter.Parse(doc)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	f, err := filter.Compile(spec)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return f
}

func TestFiltersMeanWhatTheCorpusSays(t *testing.T) {
	rows := corpus(t)
	if len(rows) < 60 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, r := range rows {
		t.Run(r.Name, func(t *testing.T) {
			if got := compile(t, r.Filter).Match(r.Values); got != r.Match {
				t.Errorf("%s on %v: %v, want %v", r.Filter, r.Values, got, r.Match)
			}
			if got := newModel(r.Filter).match(r.Values); got != r.Match {
				t.Errorf("the model says %v, want %v", got, r.Match)
			}
		})
	}
}

// Few tokens, texts and digits, so that filters and values meet.
var (
	tokens = rapid.SampledFrom([]string{"A", "B", "C.D e"})
	texts  = rapid.OneOf(
		rapid.StringOfN(rapid.SampledFrom([]rune("ab0.")), 0, 3, -1),
		rapid.SampledFrom([]string{"true", "Active", "ü", "12.50", "-0", "1e2", "010", "+1", "1e99999", "1e100000"}),
	)
	numbers = rapid.Custom(func(t *rapid.T) string {
		n := fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign"), rapid.IntRange(0, 120).Draw(t, "whole"))
		if rapid.Bool().Draw(t, "fraction") {
			n += "." + rapid.SampledFrom([]string{"0", "5", "50", "05", "000000000000000000001"}).Draw(t, "digits")
		}
		return n + rapid.SampledFrom([]string{"", "", "e0", "E+1", "e-2", "e40"}).Draw(t, "exponent")
	})
	values = rapid.Custom(func(t *rapid.T) event.Value {
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			return event.Num(numbers.Draw(t, "number"))
		case 1:
			return event.Str(numbers.Draw(t, "decimal text"))
		case 2:
			return event.Boolean(rapid.Bool().Draw(t, "bool"))
		default:
			return event.Str(texts.Draw(t, "text"))
		}
	})
	alternatives = rapid.Custom(func(t *rapid.T) filter.Alternative {
		switch rapid.IntRange(0, 5).Draw(t, "op") {
		case 0:
			affix := rapid.StringOfN(rapid.SampledFrom([]rune("ab0.")), 1, 2, -1).Draw(t, "affix")
			op := rapid.SampledFrom([]filter.Op{filter.Prefix, filter.Suffix}).Draw(t, "side")
			return filter.Alternative{Op: op, Values: []event.Value{event.Str(affix)}}
		case 1:
			return filter.Alternative{Op: filter.AnythingBut, Values: rapid.SliceOfN(values, 1, 3).Draw(t, "but")}
		case 2:
			return filter.Alternative{Op: filter.Numeric, Bounds: rapid.SliceOfN(bounds, 1, 2).Draw(t, "bounds")}
		case 3:
			return filter.Alternative{Op: filter.Exists, Present: rapid.Bool().Draw(t, "present")}
		default:
			return filter.Alternative{Op: filter.Exact, Values: []event.Value{values.Draw(t, "value")}}
		}
	})
	bounds = rapid.Custom(func(t *rapid.T) filter.Bound {
		n := numbers.Draw(t, "limit")
		return filter.Bound{
			Op:    rapid.SampledFrom([]string{"=", "<", "<=", ">", ">="}).Draw(t, "comparison"),
			Value: rapid.SampledFrom([]event.Value{event.Num(n), event.Str(n)}).Draw(t, "form"),
		}
	})
	specs = rapid.Custom(func(t *rapid.T) filter.Spec {
		return rapid.MapOfN(tokens, rapid.SliceOfN(alternatives, 1, 4), 0, 3).Draw(t, "spec")
	})
	events = rapid.Custom(func(t *rapid.T) event.Values {
		return rapid.MapOfN(tokens, values, 0, 3).Draw(t, "values")
	})
)

func TestTheCompiledFilterAgreesWithTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := specs.Draw(t, "spec")
		vals := events.Draw(t, "values")
		f, err := filter.Compile(spec)
		if err != nil {
			t.Skip("a range that excludes itself")
		}
		doc, err := json.Marshal(spec)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := f.Match(vals), newModel(doc).match(vals); got != want {
			t.Fatalf("%s on %v: %v, the model says %v", doc, vals, got, want)
		}
	})
}

func TestARangeIsRefusedOnlyWhereTheModelFindsNothingInIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pair := rapid.SliceOfN(bounds, 2, 2).Draw(t, "bounds")
		spec := filter.Spec{"A": {{Op: filter.Numeric, Bounds: pair}}}
		doc, _ := json.Marshal(spec)
		m := newModel(doc)
		found := false
		for _, probe := range probes(pair) {
			found = found || m.match(event.Values{"A": event.Num(probe)})
		}
		if _, err := filter.Compile(spec); (err == nil) != found {
			t.Fatalf("%s: %v, but a number in it was found: %v", doc, err, found)
		}
	})
}

// probes are numbers of which one is in every range of these bounds that is
// not empty: the limits, what lies beside them, and what lies between.
func probes(pair []filter.Bound) []string {
	a, _ := modelNumber(pair[0].Value.Text())
	b, _ := modelNumber(pair[1].Value.Text())
	mid := new(big.Rat).Quo(new(big.Rat).Add(a, b), big.NewRat(2, 1))
	one := big.NewRat(1, 1)
	var out []string
	for _, x := range []*big.Rat{a, b, mid, new(big.Rat).Sub(a, one), new(big.Rat).Sub(b, one),
		new(big.Rat).Add(a, one), new(big.Rat).Add(b, one)} {
		out = append(out, x.FloatString(60))
	}
	return out
}

func TestAFilterThatWasNeverMadeMatchesAll(t *testing.T) {
	var none *filter.Filter
	var zero filter.Filter
	if !none.Match(nil) || !zero.Match(nil) {
		t.Error("a filter without conditions refused an event")
	}
}

func TestCompilingRefusesWhatCheckRefuses(t *testing.T) {
	_, err := filter.Compile(filter.Spec{"A": nil})
	if fault.KindOf(err) != fault.Invalid || len(fault.ProblemsOf(err)) != 1 {
		t.Errorf("Compile = %v", err)
	}
}

func TestMatchingAllocatesNothing(t *testing.T) {
	for _, r := range corpus(t) {
		f := compile(t, r.Filter)
		if n := testing.AllocsPerRun(10, func() { f.Match(r.Values) }); n != 0 {
			t.Errorf("%s: %v allocations", r.Name, n)
		}
	}
}

func TestAnEndlessNumberCostsOneReading(t *testing.T) {
	f := compile(t, []byte(`{"A":[{"numeric":[">=",1e99999]},1e-99999]}`))
	for _, s := range []string{strings.Repeat("9", 200_000), "0." + strings.Repeat("0", 200_000) + "1", "1e" + strings.Repeat("0", 200_000) + "1"} {
		f.Match(event.Values{"A": event.Num(s)})
	}
}

func BenchmarkMatch(b *testing.B) {
	for name, doc := range map[string]string{
		"exact":   `{"AccountService.PreviousStatus":["Active"],"AccountService.CurrentStatus":["Suspended"]}`,
		"numeric": `{"Bucket.Threshold":[{"numeric":[">=",90]}]}`,
		"mixed":   `{"A":[{"anything-but":["x","y"]}],"B":[{"prefix":"p"},{"suffix":"s"}],"C":[{"exists":false}]}`,
	} {
		b.Run(name, func(b *testing.B) {
			f := compile(b, []byte(doc))
			vals := event.Values{
				"AccountService.PreviousStatus": event.Str("Active"), "AccountService.CurrentStatus": event.Str("Suspended"),
				"Bucket.Threshold": event.Num("95.5"), "A": event.Str("z"), "B": event.Str("is"),
			}
			b.ReportAllocs()
			for b.Loop() {
				if !f.Match(vals) {
					b.Fatal("no match")
				}
			}
		})
	}
}
