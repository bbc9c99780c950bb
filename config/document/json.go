package document

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// ParseJSON reads one JSON document.
func ParseJSON(data []byte) (*Value, fault.Problems) {
	if p := checkText(data); p != nil {
		return nil, p
	}
	r := reader{dec: json.NewDecoder(bytes.NewReader(data))}
	r.dec.UseNumber()
	v, p := r.value("", 0)
	if p != nil {
		return nil, p
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return nil, problem("", "json.form", "only one document is wanted")
	}
	return &v, nil
}

func checkText(data []byte) fault.Problems {
	switch {
	case len(data) > MaxBytes:
		return problem("", "document.size", "must have at most "+strconv.Itoa(MaxBytes)+" bytes")
	case !utf8.Valid(data):
		return problem("", "text.utf8", "must be valid UTF-8")
	}
	return nil
}

type reader struct{ dec *json.Decoder }

func (r reader) value(pointer string, depth int) (Value, fault.Problems) {
	if depth > MaxDepth {
		return Value{}, tooDeep(pointer)
	}
	t, err := r.dec.Token()
	if err != nil {
		return Value{}, problem(pointer, "json.form", "is no valid JSON at byte "+strconv.FormatInt(r.dec.InputOffset(), 10))
	}
	switch t := t.(type) {
	case string:
		return Value{kind: text, scalar: t}, nil
	case json.Number:
		return Value{kind: number, scalar: t.String()}, nil
	case bool:
		return Value{kind: boolean, scalar: strconv.FormatBool(t)}, nil
	case json.Delim:
		if t == '{' {
			return r.object(pointer, depth)
		}
		return r.list(pointer, depth)
	}
	return Value{}, nil
}

func tooDeep(pointer string) fault.Problems {
	return problem(pointer, "document.depth", "is nested more than "+strconv.Itoa(MaxDepth)+" levels deep")
}

func (r reader) object(pointer string, depth int) (Value, fault.Problems) {
	v := Value{kind: object}
	for r.dec.More() {
		t, err := r.dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return v, problem(pointer, "json.form", "is no valid JSON at byte "+strconv.FormatInt(r.dec.InputOffset(), 10))
		}
		at := pointer + fault.Pointer(name)
		if _, again := v.child(name); again {
			return v, repeated(at)
		}
		m, p := r.value(at, depth+1)
		if p != nil {
			return v, p
		}
		v.members = append(v.members, member{name, m})
	}
	return v, r.end(pointer)
}

func repeated(pointer string) fault.Problems {
	return problem(pointer, "member.repeated", "is given twice")
}

func (r reader) list(pointer string, depth int) (Value, fault.Problems) {
	v := Value{kind: list}
	for r.dec.More() {
		item, p := r.value(pointer+"/"+strconv.Itoa(len(v.items)), depth+1)
		if p != nil {
			return v, p
		}
		v.items = append(v.items, item)
	}
	return v, r.end(pointer)
}

func (r reader) end(pointer string) fault.Problems {
	if _, err := r.dec.Token(); err != nil {
		return problem(pointer, "json.form", "is not closed")
	}
	return nil
}
