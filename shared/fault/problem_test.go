package fault_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/fault"
)

func TestPointersEscapeAsTheRFCSays(t *testing.T) {
	for _, row := range []struct {
		tokens []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, "/"},
		{[]string{"a", "0"}, "/a/0"},
		{[]string{"a/b"}, "/a~1b"},
		{[]string{"m~n"}, "/m~0n"},
		{[]string{"~1"}, "/~01"},
		{[]string{"Account.Bill Day", "x"}, "/Account.Bill Day/x"},
	} {
		if got := fault.Pointer(row.tokens...); got != row.want {
			t.Errorf("Pointer(%q) = %q, want %q", row.tokens, got, row.want)
		}
	}
}

func TestEveryPointerLeadsBackToItsTokens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tokens := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("~/01a")))), 1, 5).Draw(t, "tokens")
		parts := strings.Split(fault.Pointer(tokens...), "/")[1:]
		for i, p := range parts {
			parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
		}
		if diff := cmp.Diff(tokens, parts); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestProblemsNameEveryBrokenRule(t *testing.T) {
	p := fault.Problems{
		{Pointer: "/url", Rule: "url.port", Detail: "port 1 is not allowed"},
		{Rule: "json", Detail: "is no JSON"},
	}
	if got, want := p.Error(), "/url: port 1 is not allowed (url.port); /: is no JSON (json)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNoProblemIsNoError(t *testing.T) {
	if err := (fault.Problems{}).Or(); err != nil {
		t.Errorf("Or = %v", err)
	}
	if err := (fault.Problems{{Rule: "x"}}).Or(); len(fault.ProblemsOf(err)) != 1 {
		t.Errorf("Or = %v", err)
	}
}

func TestProblemsMoveIntoTheirDocument(t *testing.T) {
	inner := fault.Problems{{Pointer: "/0", Rule: "a"}, {Pointer: "", Rule: "b"}}
	want := fault.Problems{{Pointer: "/retry/0", Rule: "a"}, {Pointer: "/retry", Rule: "b"}}
	if diff := cmp.Diff(want, inner.At("/retry")); diff != "" {
		t.Error(diff)
	}
	if inner[0].Pointer != "/0" {
		t.Error("the problems given were changed")
	}
}

func TestProblemsAreFoundInAChain(t *testing.T) {
	p := fault.Problems{{Rule: "x"}}
	if got := fault.ProblemsOf(fault.New(fault.Invalid, "save", "e1", fmt.Errorf("check: %w", p))); len(got) != 1 {
		t.Errorf("ProblemsOf = %v", got)
	}
	if got := fault.ProblemsOf(io.EOF); got != nil {
		t.Errorf("ProblemsOf = %v", got)
	}
}

func TestAProblemWithoutALineHidesIt(t *testing.T) {
	b, err := json.Marshal([]fault.Problem{{Pointer: "/a", Rule: "r", Detail: "d"}, {Rule: "r", Line: 2, Column: 3}})
	want := `[{"pointer":"/a","rule":"r","detail":"d"},{"pointer":"","rule":"r","detail":"","line":2,"column":3}]`
	if err != nil || string(b) != want {
		t.Errorf("%s, %v", b, err)
	}
}

func TestWhatIsAllowedIsListedAsPeopleDo(t *testing.T) {
	for want, allowed := range map[string][]string{
		"must be a": {"a"}, "must be a or b": {"a", "b"}, "must be a, b or c": {"a", "b", "c"},
	} {
		if got := fault.OneOf(allowed...); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
