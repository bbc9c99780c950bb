package document_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/document"
)

func merge(t interface{ Fatal(...any) }, target, patch string) string {
	a, p := document.ParseJSON([]byte(target))
	if p != nil {
		t.Fatal(p)
	}
	b, p := document.ParseJSON([]byte(patch))
	if p != nil {
		t.Fatal(p)
	}
	return string(a.Merge(b).JSON())
}

// TestMergingIsThatOfTheRFC has the examples of RFC 7396, appendix A.
func TestMergingIsThatOfTheRFC(t *testing.T) {
	for _, row := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"n":1.50}`, `{"m":2.50}`, `{"n":1.50,"m":2.50}`},
	} {
		if got := merge(t, row.target, row.patch); got != row.want {
			t.Errorf("%s + %s = %s, want %s", row.target, row.patch, got, row.want)
		}
	}
}

func TestMergingAgreesWithThePseudocodeOfTheRFC(t *testing.T) {
	value := trees()
	rapid.Check(t, func(t *rapid.T) {
		target, patch := value.Draw(t, "target"), value.Draw(t, "patch")
		var got any
		if err := json.Unmarshal([]byte(merge(t, text(t, target), text(t, patch))), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(mergePatch(target, patch), got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func text(t *rapid.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// mergePatch is MergePatch of RFC 7396, section 2.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if o, ok := target.(map[string]any); ok {
		for name, v := range o {
			out[name] = v
		}
	}
	for name, v := range p {
		if v == nil {
			delete(out, name)
		} else {
			out[name] = mergePatch(out[name], v)
		}
	}
	return out
}

// trees draws JSON values with few names, so that they meet.
func trees() *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any]("x"), rapid.Just[any](1.5), rapid.Just[any]([]any{"y"}))
	value := leaf
	for range 3 {
		inner := value
		value = rapid.OneOf(leaf, rapid.Map(
			rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c"}), inner, 0, 3), func(m map[string]any) any { return m }))
	}
	return value
}
