package manifest

import (
	"errors"
	"io/fs"
	"regexp"
	"strings"

	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// fetchSecrets takes the secrets that a document of a kind may keep outside of
// the file.
func fetchSecrets(k Kind, v *document.Value, files Files) fault.Problems {
	var names []string
	var headers []*document.Value
	switch k {
	case SMTPSettings:
		names = []string{"password", "dkim_key"}
	case Endpoint:
		names, headers = []string{"auth_secret", "client_certificate", "client_key"}, v.Items("headers")
	}
	var out fault.Problems
	for _, name := range names {
		out = append(out, fetch(name, v, files)...)
	}
	for i, header := range headers {
		out = append(out, fetch("value", header, files).At(field.At("/headers", i))...)
	}
	return out
}

// fetch takes the secret of a field from an environment variable or a file
// where the document says so with the field's name and _env or _file.
func fetch(name string, v *document.Value, files Files) fault.Problems {
	refuse := func(suffix, detail string) fault.Problems {
		return fault.Problems{{Pointer: "/" + name + suffix, Rule: "secret.missing", Detail: detail}}
	}
	// A reference stays where it is until it is followed: a problem is told with
	// its line.
	if variable, ok := v.Peek(name + "_env"); ok {
		if files.Env == nil {
			return fault.Problems{outside("/" + name + "_env")}
		}
		text, found := files.Env(variable)
		if !found {
			return refuse("_env", "the environment has no variable "+named(variable))
		}
		v.Take(name + "_env")
		v.Set(name, text)
	}
	if path, ok := v.Peek(name + "_file"); ok {
		if files.File == nil {
			return fault.Problems{outside("/" + name + "_file")}
		}
		text, err := files.File(path)
		if err != nil {
			return refuse("_file", "the file cannot be read"+why(err))
		}
		v.Take(name + "_file")
		v.Set(name, strings.TrimRight(string(text), "\r\n"))
	}
	return nil
}

// outside refuses a reference where the caller trusts no file to make one: who
// wrote it would get a secret of the reader's machine sent to a server of his
// choice.
func outside(pointer string) fault.Problem {
	return fault.Problem{Pointer: pointer, Rule: "secret.reference", Detail: "secrets outside of the file are not read here; the operator may allow it for files of his own"}
}

// variableForm is what names of variables look like by custom.
var variableForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// named repeats the name of a variable, unless it may be the secret itself,
// written into the wrong field.
func named(variable string) string {
	if variableForm.MatchString(variable) {
		return variable
	}
	return "of this name"
}

// why says what the system said, without the path: see [named].
func why(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return ": " + p.Err.Error()
	}
	return ""
}
