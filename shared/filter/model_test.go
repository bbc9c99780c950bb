package filter_test

import (
	"encoding/json"
	"math/big"
	"regexp"
	"strings"

	"github.com/billhook/billhook/shared/event"
)

// model says what a filter means, read from its JSON form and written for
// plainness alone: it shares nothing with the code it judges. It takes filters
// that were accepted.
type model map[string][]any

func newModel(spec []byte) model {
	dec := json.NewDecoder(strings.NewReader(string(spec)))
	dec.UseNumber()
	var m model
	if err := dec.Decode(&m); err != nil {
		panic(err)
	}
	return m
}

func (m model) match(values event.Values) bool {
	for token, alternatives := range m {
		holds := false
		for _, a := range alternatives {
			holds = holds || modelHolds(a, values[token])
		}
		if !holds {
			return false
		}
	}
	return true
}

func modelHolds(alternative any, v event.Value) bool {
	absent := v.Kind() == event.Absent
	object, isObject := alternative.(map[string]any)
	if !isObject {
		return !absent && modelEqual(alternative, v)
	}
	for op, operand := range object {
		switch op {
		case "exists":
			return operand.(bool) != absent
		case "prefix":
			return v.Kind() == event.String && strings.HasPrefix(v.Text(), operand.(string))
		case "suffix":
			return v.Kind() == event.String && strings.HasSuffix(v.Text(), operand.(string))
		case "anything-but":
			return !absent && !modelAny(operand, v)
		case "numeric":
			return !absent && v.Kind() != event.Bool && modelInRange(operand.([]any), v.Text())
		}
	}
	panic("unknown operator")
}

func modelAny(operand any, v event.Value) bool {
	list, ok := operand.([]any)
	if !ok {
		list = []any{operand}
	}
	for _, one := range list {
		if modelEqual(one, v) {
			return true
		}
	}
	return false
}

func modelEqual(want any, v event.Value) bool {
	switch w := want.(type) {
	case string:
		return v.Kind() == event.String && v.Text() == w
	case bool:
		return v.Kind() == event.Bool && (v.Text() == "true") == w
	case json.Number:
		a, okA := modelNumber(w.String())
		b, okB := modelNumber(v.Text())
		return v.Kind() == event.Number && okA && okB && a.Cmp(b) == 0
	}
	return false
}

func modelInRange(pairs []any, text string) bool {
	x, ok := modelNumber(text)
	if !ok {
		return false
	}
	for i := 0; i < len(pairs); i += 2 {
		limit, _ := modelNumber(strings.Trim(modelText(pairs[i+1]), `"`))
		c := x.Cmp(limit)
		if !map[string]bool{"=": c == 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[pairs[i].(string)] {
			return false
		}
	}
	return true
}

func modelText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

var numberGrammar = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?0*[0-9]{1,5})?$`)

func modelNumber(s string) (*big.Rat, bool) {
	if !numberGrammar.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}
