package process

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// maxSecretFile bounds what is read of a secret's file, in bytes.
const maxSecretFile = 64 << 10

// Checker is implemented by settings with rules beyond their types. Load asks
// it once all its settings are read. Problems point at the setting: see
// [Refuse].
type Checker interface {
	Check() fault.Problems
}

// Refuse is the problem of one setting, for a [Checker].
func Refuse(name, detail string) fault.Problem {
	return fault.Problem{Pointer: fault.Pointer(name), Rule: "setting.refused", Detail: detail}
}

// Load reads settings into the targets, pointers to structs, from an
// environment of NAME=value. It collects everything that is wrong with all of
// them and returns it as [fault.Problems]; then nothing may start.
//
// Fields carry the tags env (the name, ",required"), envDefault, unit and doc;
// nested structs are read too, with envPrefix. A [secret.Text] named NAME may
// be given as NAME_FILE, the path of a file that holds it; a line end at its
// end is dropped. An empty value is the same as none.
func Load(environ []string, targets ...any) error {
	vars := make(map[string]string, len(environ))
	for _, kv := range environ {
		if name, value, _ := strings.Cut(kv, "="); value != "" {
			vars[name] = value
		}
	}
	var problems fault.Problems
	for _, t := range targets {
		for _, p := range loadStruct(vars, t) {
			// The same setting may stand in several targets.
			if !slices.Contains(problems, p) {
				problems = append(problems, p)
			}
		}
	}
	return problems.Or()
}

func loadStruct(vars map[string]string, target any) fault.Problems {
	var problems fault.Problems
	var checkers []Checker
	walk(reflect.ValueOf(target).Elem(), "", func(f field) {
		if p := f.load(vars); p != nil {
			problems = append(problems, *p)
		}
	}, func(c Checker) { checkers = append(checkers, c) })
	if len(problems) > 0 {
		return problems
	}
	for _, c := range checkers {
		problems = append(problems, c.Check()...)
	}
	return problems
}

// load parses one field by itself, so that a problem is known by the name of
// its setting.
func (f field) load(vars map[string]string) *fault.Problem {
	if f.secret() {
		var p *fault.Problem
		if vars, p = f.fromFile(vars); p != nil {
			return p
		}
	}
	single := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: f.sf.Name, Type: f.sf.Type, Tag: f.sf.Tag},
	}))
	single.Elem().Field(0).Set(f.value)
	err := env.ParseWithOptions(single.Interface(), env.Options{Environment: vars, Prefix: f.prefix})
	if err != nil {
		return f.problem(err)
	}
	f.value.Set(single.Elem().Field(0))
	return nil
}

func (f field) problem(err error) *fault.Problem {
	p := fault.Problem{Pointer: fault.Pointer(f.name), Rule: "setting.malformed", Detail: f.malformed(err)}
	if errors.Is(err, env.VarIsNotSetError{}) || errors.Is(err, env.EmptyVarError{}) {
		p.Rule, p.Detail = "setting.required", "is required and not set"
	}
	return &p
}

func (f field) malformed(err error) string {
	detail := "cannot be read as " + f.kind()
	var parse env.ParseError
	if f.secret() || !errors.As(err, &parse) {
		return detail
	}
	return detail + ": " + parse.Err.Error()
}

// fromFile returns vars with the secret taken from the file that NAME_FILE
// names.
func (f field) fromFile(vars map[string]string) (map[string]string, *fault.Problem) {
	path := vars[f.name+"_FILE"]
	if path == "" {
		return vars, nil
	}
	p := &fault.Problem{Pointer: fault.Pointer(f.name + "_FILE"), Rule: "setting.file"}
	if vars[f.name] != "" {
		p.Detail = "is set beside " + f.name + "; give one of the two"
		return nil, p
	}
	b, err := readSecret(path)
	if err != nil {
		p.Detail = "cannot be read: " + err.Error()
		return nil, p
	}
	text := strings.TrimRight(string(b), "\r\n")
	if text == "" {
		return map[string]string{}, nil
	}
	return map[string]string{f.name: text}, nil
}

func readSecret(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return nil, errors.New(path + " is no file of at most 64 KiB")
	}
	return os.ReadFile(path)
}

func (f field) secret() bool { return f.sf.Type == reflect.TypeFor[secret.Text]() }
