package process

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// maxSecretFile bounds what is read of a secret's file, in bytes.
const maxSecretFile = 64 << 10

// Checker is implemented by settings with rules beyond their types. Load asks
// it once all its settings are read. Problems point at the setting: see
// [Refuse] and the rules made of it.
type Checker interface {
	Check() fault.Problems
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
	unread := map[string]bool{}
	walk(reflect.ValueOf(target).Elem(), "", func(f field) {
		p := f.load(vars)
		if p == nil {
			return
		}
		problems = append(problems, *p)
		unread[fault.Pointer(f.name)] = true
		_ = f.load(map[string]string{}) // the others are judged beside its default
	}, func(c Checker) { checkers = append(checkers, c) })
	for _, c := range checkers {
		for _, p := range c.Check() {
			if !unread[p.Pointer] {
				problems = append(problems, p)
			}
		}
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
	var number *strconv.NumError
	if errors.As(parse.Err, &number) {
		return detail + ": " + strconv.Quote(number.Num) + ", " + number.Err.Error()
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
	text, err := SecretFile(path)
	if err != nil {
		p.Detail = "cannot be read: " + err.Error()
		return nil, p
	}
	if text.Empty() {
		return map[string]string{}, nil
	}
	return map[string]string{f.name: text.Reveal()}, nil
}

// SecretFile reads a secret as NAME_FILE gives it, for settings that are read
// again while the process runs.
func SecretFile(path string) (secret.Text, error) {
	info, err := os.Stat(path)
	if err != nil {
		return secret.Text{}, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return secret.Text{}, errors.New(path + " is no file of at most 64 KiB")
	}
	b, err := os.ReadFile(path)
	return secret.NewText(strings.TrimRight(string(b), "\r\n")), err
}

func (f field) secret() bool { return f.sf.Type == reflect.TypeFor[secret.Text]() }
