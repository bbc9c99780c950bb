package document

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// Decode writes the value into the struct that into points to. Members that
// the struct has no field for are refused; their names are compared exactly.
func (v *Value) Decode(into any) fault.Problems {
	var s shape
	s.check(v, reflect.TypeOf(into).Elem(), "")
	if len(s.problems) > 0 {
		return s.problems
	}
	if err := json.Unmarshal(v.JSON(), into); err != nil {
		return problem("", "document.form", "cannot be read: "+err.Error())
	}
	return nil
}

// shape compares a value with a type and notes what does not fit.
type shape struct{ problems fault.Problems }

func (s *shape) add(pointer, rule, detail string) {
	s.problems = append(s.problems, problem(pointer, rule, detail)...)
}

// check leaves null alone: it means that the member is absent.
func (s *shape) check(v *Value, t reflect.Type, pointer string) {
	if v.kind == null {
		return
	}
	if s.own(v, t, pointer) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		s.check(v, t.Elem(), pointer)
	case reflect.Struct:
		s.members(v, t, pointer)
	case reflect.Slice:
		if s.want(v, list, pointer) {
			for i := range v.items {
				s.check(&v.items[i], t.Elem(), pointer+"/"+strconv.Itoa(i))
			}
		}
	case reflect.Map:
		if s.want(v, object, pointer) {
			for i := range v.members {
				m := &v.members[i]
				s.check(&m.value, t.Elem(), pointer+fault.Pointer(m.name))
			}
		}
	case reflect.String:
		s.want(v, text, pointer)
	case reflect.Bool:
		s.want(v, boolean, pointer)
	case reflect.Int, reflect.Int64:
		if s.want(v, number, pointer) {
			if _, err := strconv.ParseInt(v.scalar, 10, t.Bits()); err != nil {
				s.add(pointer, "number.whole", "must be a whole number")
			}
		}
	case reflect.Float64:
		if s.want(v, number, pointer) {
			if _, err := strconv.ParseFloat(v.scalar, t.Bits()); err != nil {
				s.add(pointer, "number.range", "must be a number that is not too large")
			}
		}
	default:
		s.add(pointer, "document.form", "cannot be given")
	}
}

// own lets a type that reads itself judge the value.
func (s *shape) own(v *Value, t reflect.Type, pointer string) bool {
	target := reflect.New(t).Interface()
	switch target := target.(type) {
	case json.Unmarshaler:
		s.note(pointer, target.UnmarshalJSON(v.JSON()))
		return true
	case encoding.TextUnmarshaler:
		if s.want(v, text, pointer) {
			s.note(pointer, target.UnmarshalText([]byte(v.scalar)))
		}
		return true
	}
	return false
}

func (s *shape) note(pointer string, err error) {
	if err == nil {
		return
	}
	if p := fault.ProblemsOf(err); p != nil {
		s.problems = append(s.problems, p.At(pointer)...)
		return
	}
	s.add(pointer, "document.form", err.Error())
}

func (s *shape) want(v *Value, k kind, pointer string) bool {
	if v.kind == k {
		return true
	}
	detail := fmt.Sprintf("must be %s, not %s", k, v.kind)
	if k == text && v.kind < list {
		detail += "; put quotes around it"
	}
	s.add(pointer, "document.kind", detail)
	return false
}

func (s *shape) members(v *Value, t reflect.Type, pointer string) {
	if !s.want(v, object, pointer) {
		return
	}
	fields := fieldsOf(t)
	for i := range v.members {
		m := &v.members[i]
		at := pointer + fault.Pointer(m.name)
		if f, ok := fields[m.name]; ok {
			s.check(&m.value, f, at)
		} else {
			s.add(at, "member.unknown", "is no member; legal are "+names(t))
		}
	}
}

// fieldsOf returns the types of the JSON members of a struct; those of an
// embedded struct give way to its own, as in encoding/json.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		if f.Anonymous {
			for name, inner := range fieldsOf(f.Type) {
				if _, own := fields[name]; !own {
					fields[name] = inner
				}
			}
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
	return fields
}

// names lists the members of a struct in the order of its fields.
func names(t reflect.Type) string {
	var all []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous:
			all = append(all, names(f.Type))
		case name != "" && name != "-":
			all = append(all, name)
		}
	}
	return strings.Join(all, ", ")
}
