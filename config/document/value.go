// Package document reads what an owner writes, as JSON or YAML, into the
// resource types, strictly: every unknown, repeated or wrongly cased member and
// every value of the wrong kind is refused with its pointer, and numbers keep
// their digits. It refuses to know any rule of a resource.
package document

import (
	"bytes"
	"encoding/json"

	"github.com/billhook/billhook/shared/fault"
)

// Limits of a document.
const (
	// MaxBytes is the greatest size of a text with one or many documents.
	MaxBytes = 4 << 20
	// MaxDepth is the greatest nesting.
	MaxDepth = 32
)

// kind is the kind of a value.
type kind uint8

const (
	null kind = iota
	text
	number
	boolean
	list
	object
)

func (k kind) String() string {
	return [...]string{"null", "text", "a number", "true or false", "a list", "an object"}[k]
}

// Value is one value as written.
type Value struct {
	kind kind
	// scalar is the text, or the literal of a number or boolean.
	scalar  string
	members []member
	items   []Value
	line    int
}

type member struct {
	name  string
	value Value
}

// Line returns the line (from 1) at which the value of a pointer begins, that
// of its nearest parent when there is no such value; 0 when unknown.
func (v *Value) Line(pointer string) int {
	line := v.line
	for _, token := range split(pointer) {
		next, ok := v.child(token)
		if !ok {
			break
		}
		if v = next; v.line > 0 {
			line = v.line
		}
	}
	return line
}

// Take removes the text member of a name and returns it. It is not ok when the
// member is absent or no text.
func (v *Value) Take(name string) (string, bool) {
	for i, m := range v.members {
		if m.name == name && m.value.kind == text {
			v.members = append(v.members[:i:i], v.members[i+1:]...)
			return m.value.scalar, true
		}
	}
	return "", false
}

// Peek returns the text member of a name. It is not ok when the member is
// absent or no text.
func (v *Value) Peek(name string) (string, bool) {
	m, ok := v.child(name)
	if !ok || m.kind != text {
		return "", false
	}
	return m.scalar, true
}

// Has reports whether there is a member of a name.
func (v *Value) Has(name string) bool {
	_, ok := v.child(name)
	return ok && v.kind == object
}

// Set gives a text member a value, new or not.
func (v *Value) Set(name, value string) {
	v.Take(name)
	v.members = append(v.members, member{name, Value{kind: text, scalar: value, line: v.line}})
}

// Items returns the elements of the list member of a name, none where there is
// no such list.
func (v *Value) Items(name string) []*Value {
	m, ok := v.child(name)
	if !ok {
		return nil
	}
	items := make([]*Value, len(m.items))
	for i := range m.items {
		items[i] = &m.items[i]
	}
	return items
}

// JSON returns the value as JSON text.
func (v *Value) JSON() []byte {
	var b bytes.Buffer
	v.json(&b)
	return b.Bytes()
}

func (v *Value) json(b *bytes.Buffer) {
	switch v.kind {
	case text:
		b.Write(quote(v.scalar))
	case number, boolean:
		b.WriteString(v.scalar)
	case list:
		b.WriteByte('[')
		for i := range v.items {
			comma(b, i)
			v.items[i].json(b)
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for i := range v.members {
			comma(b, i)
			b.Write(quote(v.members[i].name))
			b.WriteByte(':')
			v.members[i].value.json(b)
		}
		b.WriteByte('}')
	default:
		b.WriteString("null")
	}
}

func comma(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteByte(',')
	}
}

func quote(s string) []byte {
	q, _ := json.Marshal(s) // a string is always encoded
	return q
}

func problem(pointer, rule, detail string) fault.Problems {
	return fault.Problems{{Pointer: pointer, Rule: rule, Detail: detail}}
}
