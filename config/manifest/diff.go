package manifest

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// Field is one value that differs.
type Field struct {
	Pointer string `json:"pointer"`
	// Before and After are JSON texts, "" where the value is absent. A secret
	// is shown as [secret.Mask].
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// diff lists what a change changes, in the order of pointers.
func diff(c setup.Change) []Field {
	before, after := leaves(c.Before), leaves(c.After)
	pointers := maps.Clone(before)
	maps.Copy(pointers, after)
	var fields []Field
	for _, p := range slices.Sorted(maps.Keys(pointers)) {
		if before[p] != after[p] {
			fields = append(fields, Field{Pointer: p, Before: before[p], After: after[p]})
		}
	}
	for _, p := range c.Secrets {
		fields = append(fields, Field{Pointer: p, After: secret.Mask})
	}
	return fields
}

// leaves returns the JSON text of every scalar and empty value by pointer.
func leaves(document any) map[string]string {
	out := map[string]string{}
	if document == nil {
		return out
	}
	b, err := json.Marshal(document)
	if err != nil {
		return out // what was stored can be encoded
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) == nil {
		collect(out, "", v)
	}
	return out
}

func collect(out map[string]string, pointer string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, m := range v {
			collect(out, pointer+fault.Pointer(name), m)
		}
	case []any:
		for i, item := range v {
			collect(out, pointer+"/"+strconv.Itoa(i), item)
		}
	default:
		var text bytes.Buffer
		plain := json.NewEncoder(&text)
		plain.SetEscapeHTML(false) // people read it, no browser does
		_ = plain.Encode(v)        // it came from JSON
		out[pointer] = strings.TrimSuffix(text.String(), "\n")
	}
}
