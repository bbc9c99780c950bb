package api

import (
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/shared/secret"
)

// schemas are the types of the document, described once each.
type schemas struct{ huma.Registry }

const prefix = "#/components/schemas/"

func newSchemas() schemas {
	r := huma.NewMapRegistry(prefix, schemaName)
	r.RegisterTypeAlias(reflect.TypeFor[secret.Text](), reflect.TypeFor[string]())
	r.RegisterTypeAlias(reflect.TypeFor[backoff.Schedule](), reflect.TypeFor[[]string]())
	r.RegisterTypeAlias(reflect.TypeFor[filter.Alternative](), reflect.TypeFor[any]())
	r.RegisterTypeAlias(reflect.TypeFor[event.Value](), reflect.TypeFor[any]())
	r.RegisterTypeAlias(reflect.TypeFor[endpoint.Header](), reflect.TypeFor[EndpointHeader]())
	return schemas{r}
}

// EndpointHeader is [endpoint.Header] as it is written and read: the value of a
// secret one is not given back.
type EndpointHeader struct {
	Name   string `json:"name"`
	Value  string `json:"value,omitempty"`
	Secret bool   `json:"secret,omitempty"`
}

// schemaName names a type of the product after what it is of, since many of them
// are called Spec. It is the last part of the package's path that tells.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, pkg := t.Name(), path.Base(t.PkgPath())
	switch {
	case name == "":
		return huma.DefaultSchemaNamer(t, hint)
	case pkg == "fault":
		return "Broken" + strings.TrimPrefix(name, "Problem") + "Rule"
	case pkg == "smtp":
		pkg = "SMTP"
	case pkg == "email":
		pkg = "CannedEmail"
	case pkg == "probe":
		pkg = "Trial"
	case pkg == "api" || pkg == "view" || pkg == "problem" || pkg == "resource" || pkg == "store" || pkg == "plan" || pkg == "resend":
		pkg = ""
	case pkg == "owner" || pkg == "account" || pkg == "apikey" || strings.EqualFold(pkg, name):
		pkg = ""
	}
	if name == "Spec" || name == "Entry" && pkg == "suppression" {
		name = ""
	}
	if pkg != "" {
		pkg = strings.ToUpper(pkg[:1]) + pkg[1:]
	}
	return pkg + name
}

// enums are the words that a type of text is one of.
func enums() map[reflect.Type][]string {
	return map[reflect.Type][]string{
		reflect.TypeFor[account.Base]():        words(account.Bases()),
		reflect.TypeFor[apikey.Role]():         words(apikey.Roles()),
		reflect.TypeFor[endpoint.Scheme]():     words(endpoint.Schemes()),
		reflect.TypeFor[endpoint.ClientAuth](): words(endpoint.ClientAuths()),
		reflect.TypeFor[queue.Order]():         words(queue.Orders()),
		reflect.TypeFor[smtp.TLS]():            words(smtp.TLSModes()),
		reflect.TypeFor[subscription.Order]():  words(subscription.Orders()),
		reflect.TypeFor[subscription.Head]():   words(subscription.Heads()),
		reflect.TypeFor[subscription.Place]():  words(subscription.Places()),
		reflect.TypeFor[subscription.Format](): words(subscription.Formats()),
		reflect.TypeFor[suppression.By]():      words([]suppression.By{suppression.Reader, suppression.Operator}),
		reflect.TypeFor[delivery.Channel]():    words(delivery.Channels()),
		reflect.TypeFor[delivery.Result]():     words(delivery.Results()),
	}
}

func words[T ~string](list []T) []string {
	var out []string
	for _, w := range list {
		out = append(out, string(w))
	}
	return out
}

// of returns the schema of a type.
func (s schemas) of(t reflect.Type) *huma.Schema { return s.Schema(t, true, "") }

// list returns the schema of a page of a type.
func (s schemas) list(t reflect.Type) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"items"},
		Properties: map[string]*huma.Schema{
			"items": {Type: huma.TypeArray, Items: s.of(t), Description: "the things of this page, in the order of the list"},
			"next":  {Type: huma.TypeString, Description: "cursor of the next page; absent at the end"},
		},
	}
}

// derived returns the schema of a type with another name, changed.
func (s schemas) derived(t reflect.Type, suffix string, change func(*huma.Schema)) *huma.Schema {
	ref := s.of(t)
	name := strings.TrimPrefix(ref.Ref, prefix) + suffix
	if _, ok := s.Map()[name]; !ok {
		derived := *s.SchemaFromRef(ref.Ref)
		derived.Properties = maps.Clone(derived.Properties)
		derived.Required = slices.Clone(derived.Required)
		change(&derived)
		s.Map()[name] = &derived
	}
	return &huma.Schema{Ref: prefix + name}
}

// issued returns the schema of the answer to a save that may make a secret.
func (s schemas) issued(t reflect.Type) *huma.Schema {
	return s.derived(t, "Saved", func(d *huma.Schema) {
		d.Properties["issued"] = s.of(reflect.TypeFor[Issued]())
	})
}

// partial returns the schema of a merge patch.
func (s schemas) partial(t reflect.Type) *huma.Schema {
	return s.derived(t, "Patch", func(d *huma.Schema) {
		d.Required = nil
		for name, p := range d.Properties {
			either := *p
			if p.Ref != "" || p.Type == "" {
				either = huma.Schema{AnyOf: []*huma.Schema{p, {Type: "null"}}}
			}
			either.Nullable = either.AnyOf == nil
			d.Properties[name] = &either
		}
	})
}

// finish says of texts which words they may be, and of secrets that no answer
// has them.
func (s schemas) finish(types []reflect.Type) {
	known := enums()
	seen := map[reflect.Type]bool{}
	for _, t := range types {
		s.mark(t, known, seen)
	}
}

// mark goes through the members of a type.
func (s schemas) mark(t reflect.Type, known map[reflect.Type][]string, seen map[reflect.Type]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] {
		return
	}
	seen[t] = true
	schema := s.Map()[schemaName(t, "")]
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		s.mark(f.Type, known, seen)
		if schema == nil || schema.Properties[name] == nil {
			continue
		}
		p, kind := schema.Properties[name], f.Type
		if kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if kind == reflect.TypeFor[secret.Text]() && f.Type.Kind() == reflect.Pointer {
			p.WriteOnly = true
		}
		for _, word := range known[kind] {
			p.Enum = append(p.Enum, word)
		}
	}
}
