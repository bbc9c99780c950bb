package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Values holds token values by token name.
type Values map[string]Value

// Text returns the text of the named value, "" when absent.
func (v Values) Text(token string) string { return v[token].text }

// Kind is the JSON kind of a value.
type Kind uint8

// The kinds of value. The zero Kind is that of an absent value.
const (
	Absent Kind = iota
	String
	Number
	Bool
)

// Value is one scalar with the exact text it was given in: numbers are never
// turned into floats, so money and counters keep every digit. The zero Value
// is absent.
type Value struct {
	text string
	kind Kind
}

// Str returns a string value.
func Str(s string) Value { return Value{s, String} }

// Num returns a number value from a JSON number literal; the caller vouches
// for its form.
func Num(literal string) Value { return Value{literal, Number} }

// Int returns a number value.
func Int(n int64) Value { return Value{strconv.FormatInt(n, 10), Number} }

// Boolean returns a boolean value.
func Boolean(b bool) Value { return Value{strconv.FormatBool(b), Bool} }

// Text returns the value as text, "" when absent.
func (v Value) Text() string { return v.text }

// Kind returns the JSON kind of the value.
func (v Value) Kind() Kind { return v.kind }

// MarshalJSON writes the literal the value was given in.
func (v Value) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }

// UnmarshalJSON reads a scalar and keeps its literal; objects and arrays are
// refused, null is absent.
func (v *Value) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return fmt.Errorf("empty value")
	case b[0] == '"':
		v.kind = String
		return json.Unmarshal(b, &v.text)
	case b[0] == 't' || b[0] == 'f':
		*v = Value{string(b), Bool}
	case b[0] == 'n':
		*v = Value{}
	case b[0] == '-' || b[0] >= '0' && b[0] <= '9':
		*v = Value{string(b), Number}
	default:
		return fmt.Errorf("value is neither string, number, boolean nor null")
	}
	return nil
}
