package event

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var sameValue = cmp.Comparer(func(a, b Value) bool { return a == b })

// FuzzCanonical holds the fast reading to the general one.
func FuzzCanonical(f *testing.F) {
	for _, doc := range []string{
		`{"id":"e","type":"t","owner":"o","account":"a","time":"2026-11-25T09:30:00.5Z","data":{"A":"x","B":-1.50,"C":true}}`,
		`{"id":"e","type":"t","owner":"o","time":"2026-11-25T09:30:00+01:00","data":{}}`,
		`{"id":"e","type":"t","owner":"o","time":"2026-11-25T09:30:00Z","data":{"A":1e5,"B":null,"B":"\u00e9"}}`,
		`{"id":"e","type":"t","owner":"o","time":"2026-11-25T9:30:00Z","data":{"A":01}}`,
		`{"id":"e","type":"t","owner":"o","time":"2026-11-25T09:30:00Z","data":{"A":"x",}}`,
		`{"id":"e","type":"t","owner":"o","time":"2026-11-25T09:30:00Z","data":{"A":"x"}} `,
	} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, ok := decodeCanonical(doc)
		if !ok {
			return
		}
		var want Event
		if err := json.Unmarshal(doc, &want); err != nil {
			t.Fatalf("%s is no JSON: %v", doc, err)
		}
		if diff := cmp.Diff(&want, got, sameValue); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestWhatEncodeWritesIsReadWithoutReflectionUnlessItHasEscapes(t *testing.T) {
	e := Event{ID: "evt_1", Type: "invoice.posted", Owner: "acme", Account: "A-1", Data: Values{
		"Account.Name": Str("Nørthwind, {Ltd}: 12"), "Invoice.Total": Str("12.50"), "Usage.Percent": Num("90"), "Account.Test": Boolean(false),
	}}
	for text, fast := range map[string]bool{"plain": true, "": true, "two\nlines": false, `a "quote"`: false} {
		e.Data["Invoice.Note"] = Str(text)
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := decodeCanonical(b); ok != fast {
			t.Errorf("%q: read fast: %t", text, ok)
		}
	}
}
