package process

import (
	"reflect"
	"slices"
	"strings"
)

// Setting is one row of the table of settings.
type Setting struct {
	// Name is the environment name. A secret has NAME_FILE beside it.
	Name string
	// Type is the form of the value: text, integer, duration, list of text….
	Type string
	// Unit is what a number or text counts or holds; may be empty.
	Unit string
	// Default is in force where nothing is set.
	Default string
	// Doc is the meaning in one sentence.
	Doc              string
	Required, Secret bool
}

// Table lists the settings of structs of settings (or pointers to such), sorted
// by name. A setting that stands in several structs is one row where they say
// the same of it; where they differ it has several rows, which a test of the
// caller should refuse. The file of a secret is in the secret's row, also where
// it is a setting of its own.
func Table(structs ...any) []Setting {
	var rows []Setting
	for _, s := range structs {
		t := reflect.TypeOf(s)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		walk(reflect.New(t).Elem(), "", func(f field) { rows = append(rows, f.setting()) }, func(Checker) {})
	}
	files := map[string]bool{}
	for _, r := range rows {
		files[r.Name+"_FILE"] = r.Secret
	}
	rows = slices.DeleteFunc(rows, func(r Setting) bool { return files[r.Name] })
	slices.SortStableFunc(rows, func(a, b Setting) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(rows)
}

func (f field) setting() Setting {
	_, options, _ := strings.Cut(f.sf.Tag.Get("env"), ",")
	return Setting{
		Name:     f.name,
		Type:     f.kind(),
		Unit:     f.sf.Tag.Get("unit"),
		Default:  f.sf.Tag.Get("envDefault"),
		Doc:      f.sf.Tag.Get("doc"),
		Required: slices.Contains(strings.Split(options, ","), "required"),
		Secret:   f.secret(),
	}
}

// Markdown writes the rows as a table.
func Markdown(rows []Setting) string {
	var b strings.Builder
	b.WriteString("| name | type | unit | default | meaning |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		b.WriteString("| " + strings.Join([]string{r.names(), r.Type, cell(r.Unit), r.defaults(), cell(r.Doc)}, " | ") + " |\n")
	}
	return b.String()
}

func (s Setting) names() string {
	if s.Secret {
		return "`" + s.Name + "`, `" + s.Name + "_FILE`"
	}
	return "`" + s.Name + "`"
}

func (s Setting) defaults() string {
	switch {
	case s.Required:
		return "required"
	case s.Default == "":
		return ""
	default:
		return "`" + cell(s.Default) + "`"
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
