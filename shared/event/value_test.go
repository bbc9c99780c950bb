package event_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/event"
)

// literals draws numbers that no float could carry.
var literals = rapid.Custom(func(t *rapid.T) string {
	n := rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") +
		new(big.Int).Lsh(big.NewInt(rapid.Int64Range(0, 1<<62).Draw(t, "whole")), rapid.UintRange(0, 80).Draw(t, "shift")).String()
	if rapid.Bool().Draw(t, "fraction") {
		n += fmt.Sprintf(".%0*d", rapid.IntRange(1, 30).Draw(t, "places"), rapid.IntRange(0, 9).Draw(t, "digit"))
	}
	return n + rapid.SampledFrom([]string{"", "e5", "E+10", "e-300"}).Draw(t, "exponent")
})

var values = rapid.Custom(func(t *rapid.T) event.Value {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return event.Num(literals.Draw(t, "number"))
	case 1:
		return event.Int(rapid.Int64().Draw(t, "integer"))
	case 2:
		return event.Boolean(rapid.Bool().Draw(t, "bool"))
	case 3:
		return event.Value{}
	default:
		return event.Str(rapid.String().Draw(t, "text"))
	}
})

func TestAValueSurvivesItsEncodingUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values.Draw(t, "value")
		b, err := json.Marshal(v)
		if err != nil || !json.Valid(b) {
			t.Fatalf("%v gave %s, %v", v, b, err)
		}
		again := event.Str("left over")
		if err := json.Unmarshal(b, &again); err != nil || again != v {
			t.Fatalf("%s was read as %q of kind %d, %v", b, again.Text(), again.Kind(), err)
		}
	})
}

func TestValuesSurviveWithinAnEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &event.Event{ID: "evt_1", Data: rapid.MapOfN(rapid.String(), values, 0, 5).Draw(t, "data")}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := event.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		for token, v := range e.Data {
			if again.Data[token] != v {
				t.Fatalf("%q: %v became %v", token, v, again.Data[token])
			}
		}
	})
}

func TestAValueKeepsTheLiteralItWasGivenIn(t *testing.T) {
	for _, row := range []struct {
		doc, text string
		kind      event.Kind
	}{
		{`"12.50"`, "12.50", event.String},
		{`12.50`, "12.50", event.Number},
		{`-0`, "-0", event.Number},
		{`9007199254740993`, "9007199254740993", event.Number},
		{`1E+400`, "1E+400", event.Number},
		{`"\u00fc\n"`, "ü\n", event.String},
		{`""`, "", event.String},
		{`true`, "true", event.Bool},
		{`false`, "false", event.Bool},
		{`null`, "", event.Absent},
		{" 7 ", "7", event.Number},
	} {
		var v event.Value
		if err := json.Unmarshal([]byte(row.doc), &v); err != nil || v.Text() != row.text || v.Kind() != row.kind {
			t.Errorf("%s: %q of kind %d, %v", row.doc, v.Text(), v.Kind(), err)
		}
	}
}

func TestOnlyScalarsAreValues(t *testing.T) {
	for _, doc := range []string{`{}`, `[]`, `["x"]`, `{"a":1}`, ``, `nul`, `"open`} {
		var v event.Value
		if err := json.Unmarshal([]byte(doc), &v); err == nil {
			t.Errorf("%s was read as %q", doc, v.Text())
		}
	}
	var v event.Value
	for _, doc := range []string{``, ` `, `[`, `+1`} {
		if err := v.UnmarshalJSON([]byte(doc)); err == nil {
			t.Errorf("%q was read as %q", doc, v.Text())
		}
	}
}

func TestAnAbsentValueHasNoText(t *testing.T) {
	var none event.Values
	if none.Text("Account.ID") != "" || none["Account.ID"].Kind() != event.Absent {
		t.Error("an absent value has a text")
	}
	if v := (event.Values{"Account.ID": event.Str("a1")}); v.Text("Account.ID") != "a1" {
		t.Errorf("Text = %q", v.Text("Account.ID"))
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{`"x"`, `1e5`, `-0.10`, `true`, `null`, `{}`, `"\ud800"`, ` 1 `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var v, again event.Value
		if json.Unmarshal(doc, &v) != nil {
			return
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if err := json.Unmarshal(b, &again); err != nil || again != v || !utf8.ValidString(v.Text()) {
			t.Fatalf("%q gave %s, then %v, %v", doc, b, again, err)
		}
	})
}
