package architecture

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// beneath names, for each layer, the layers that it may import: the arrows of
// docs/design.md. A service's layer is "service" whichever it is, because all
// of them obey the same rule: never another service.
var beneath = map[string][]string{
	"shared":            {},
	"tokens":            {"shared"},
	"streams":           {"shared"},
	"streams/natstest":  {"shared", "streams"},
	"config":            {"shared", "streams", "tokens"},
	"service":           {"shared", "streams", "tokens", "config"},
	"services/billhook": {"shared", "streams", "tokens", "config", "service"},
	"tests":             {"shared", "streams", "streams/natstest", "tokens", "config", "service", "services/billhook"},
	"tools":             {},
}

// reserved names the foreign modules that belong to some layers or packages
// alone, and why.
var reserved = []struct {
	module string
	homes  []string
	why    string
}{
	{"github.com/mailgun/raymond", []string{"tokens"}, "a template that was not checked can kill the process"},
	{"github.com/nats-io/nats-server", []string{"streams/natstest", "services/billhook", "tests"}, "a service carries no server"},
	{"github.com/danielgtaylor/huma", []string{"services/console"}, "only the console serves what it documents by it"},
	{"github.com/wneessen/go-mail", []string{"services/mailer"}, "only the mailer speaks SMTP to relays"},
}

// Arrows finds imports that point the wrong way: a sibling that is not beneath
// the importer's module, or a foreign module outside its home. Tests may use
// the embedded server of streams/natstest besides, and what brings it along.
func Arrows(t *Tree) []string {
	var found []string
	for _, f := range t.Files {
		if _, known := beneath[layer(f.Dir())]; !known {
			found = append(found, t.problem(f.AST.Package, "%s has no place in the arrows", f.Dir()))
			continue
		}
		for _, imported := range f.AST.Imports {
			p, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				continue // the parser has refused it already
			}
			if why := wrong(f, p); why != "" {
				found = append(found, t.problem(imported.Pos(), "imports %s: %s", p, why))
			}
		}
	}
	return found
}

// wrong says why the file may not import the path, or nothing.
func wrong(f File, imported string) string {
	if sibling, ok := strings.CutPrefix(imported, root); ok {
		return wrongSibling(f, sibling)
	}
	for _, r := range reserved {
		if within(imported, r.module) && !slices.ContainsFunc(r.homes, func(h string) bool { return within(f.Dir(), h) }) {
			return "only for " + strings.Join(r.homes, ", ") + ": " + r.why
		}
	}
	return ""
}

func wrongSibling(f File, sibling string) string {
	from, to := layer(f.Dir()), layer(sibling)
	switch {
	case from == to && (from != "service" || service(f.Dir()) == service(sibling)):
		return ""
	case from == "service" && to == "service":
		return "services meet on a subject, not in an import"
	case slices.Contains(beneath[from], to):
		return ""
	case f.Test() && to == "streams/natstest" && from != "shared" && from != "tokens":
		return ""
	}
	return to + " is not beneath " + from
}

// layer is the place of a folder in the arrows.
func layer(dir string) string {
	switch {
	case within(dir, "streams/natstest"), within(dir, "streams/topology/topologytest"): // which brings it along
		return "streams/natstest"
	case within(dir, "services/billhook"):
		return "services/billhook"
	case within(dir, "services"):
		return "service"
	}
	first, _, _ := strings.Cut(dir, "/")
	return first
}

// service is the folder of the service that a folder belongs to.
func service(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return path.Join(parts[:min(2, len(parts))]...)
}

// within says whether a slash separated path is the other or lies below it.
func within(p, parent string) bool { return p == parent || strings.HasPrefix(p, parent+"/") }
