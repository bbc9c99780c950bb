package process

import (
	"encoding"
	"reflect"
	"strings"
	"time"
)

// field is one setting within a struct of settings.
type field struct {
	// name is the environment name; prefix is that part of it which comes
	// from the structs around.
	name, prefix string
	sf           reflect.StructField
	value        reflect.Value
}

// walk visits the settings of a struct in the order of its fields, nested
// structs included, and every checker among them behind its fields.
func walk(v reflect.Value, prefix string, visit func(field), check func(Checker)) {
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		if !sf.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(sf.Tag.Get("env"), ",")
		switch {
		case name != "":
			visit(field{name: prefix + name, prefix: prefix, sf: sf, value: v.Field(i)})
		case sf.Type.Kind() == reflect.Struct:
			walk(v.Field(i), prefix+sf.Tag.Get("envPrefix"), visit, check)
		}
	}
	if c, ok := v.Addr().Interface().(Checker); ok {
		check(c)
	}
}

// kind names the form of the value for people.
func (f field) kind() string { return kindOf(f.sf.Type) }

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "duration"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "text"
	}
	switch t.Kind() {
	case reflect.Slice:
		return "list of " + kindOf(t.Elem())
	case reflect.Map:
		return "pairs of " + kindOf(t.Key()) + " and " + kindOf(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "integer"
	case reflect.Float32, reflect.Float64:
		return "decimal"
	default:
		return "text"
	}
}
