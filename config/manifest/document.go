// Package manifest applies a file of an owner's resources: a stream of YAML
// documents, each with a kind, an owner and the fields of its resource. All of
// them are judged, on each other too, before the first is saved; what is saved
// goes through the same use cases as everything else. Applying the same file
// again changes nothing, and what is stored can be written as such a file, but
// for secrets. It refuses to delete: what a file does not mention stays.
package manifest

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/fault"
)

// Kind names the resource of a document.
type Kind string

// The kinds.
const (
	Owner        Kind = "owner"
	ContactType  Kind = "contact-type"
	Account      Kind = "account"
	Contact      Kind = "contact"
	SMTPSettings Kind = "smtp-settings"
	CannedEmail  Kind = "canned-email"
	Endpoint     Kind = "endpoint"
	Subscription Kind = "subscription"
	Queue        Kind = "queue"
)

// Kinds lists every [Kind], in the order in which documents are saved: what is
// referred to comes before what refers to it.
func Kinds() []Kind {
	return []Kind{Owner, ContactType, Account, Contact, SMTPSettings, CannedEmail, Endpoint, Subscription, Queue}
}

// Document is one resource of a file.
type Document struct {
	// Number counts the documents of the file, from 1.
	Number int
	Kind   Kind
	Owner  string
	ID     string

	value    *document.Value
	resource resource
}

// Line returns the line of the file at which the value of a pointer begins.
func (d *Document) Line(pointer string) int { return d.value.Line(pointer) }

// Files reads what documents refer to outside of the file. The zero Files
// refuses every such reference.
type Files struct {
	// Env returns an environment variable; File the content of a file.
	Env  func(name string) (string, bool)
	File func(path string) ([]byte, error)
}

// Parse reads the documents of a file and brings them into the order of
// saving. Its error is a [Refusal].
func Parse(data []byte, files Files) ([]*Document, error) {
	values, problems := document.ParseYAML(data)
	if problems == nil && len(values) == 0 {
		problems = fault.Problems{{Rule: "file.empty", Detail: "holds no document"}}
	}
	if problems != nil {
		return nil, Refusal{at(&Document{}, problems)}
	}
	var docs []*Document
	var refusal Refusal
	for i, v := range values {
		d := &Document{Number: i + 1, value: v}
		if p := d.read(files); len(p) > 0 {
			refusal = append(refusal, at(d, p))
			continue
		}
		docs = append(docs, d)
	}
	refusal = append(refusal, together(docs)...)
	if len(refusal) > 0 {
		return nil, refusal
	}
	slices.SortStableFunc(docs, func(a, b *Document) int {
		return slices.Index(Kinds(), a.Kind) - slices.Index(Kinds(), b.Kind)
	})
	return docs, nil
}

// read decodes one document.
func (d *Document) read(files Files) fault.Problems {
	kind, _ := d.value.Take("kind")
	d.Kind = Kind(kind)
	d.resource = newResource(d.Kind)
	if d.resource == nil {
		return fault.Problems{{Pointer: "/kind", Rule: "kind.unknown", Detail: "must be one of " + kinds()}}
	}
	d.Owner, _ = d.value.Take("owner")
	d.ID, _ = d.value.Peek("id")
	if p := fetchSecrets(d.Kind, d.value, files); p != nil {
		return p
	}
	if p := d.resource.decode(d.value); p != nil {
		return p
	}
	if d.Kind == Owner && d.Owner == "" {
		d.Owner = d.ID
	}
	var r field.Report
	if d.Kind != Owner {
		r.ID("/owner", d.Owner)
	}
	r.ID("/id", d.ID)
	if d.Kind == Owner && d.Owner != d.ID {
		r.Add("/owner", "owner.id", "must be left out or the owner's own id")
	}
	return r.Problems()
}

func kinds() string {
	all := make([]string, len(Kinds()))
	for i, k := range Kinds() {
		all[i] = string(k)
	}
	return strings.Join(all, ", ")
}

// together judges documents that are whole on what none breaks alone.
func together(docs []*Document) Refusal {
	var refusal Refusal
	type name struct {
		kind      Kind
		owner, id string
	}
	first := map[name]int{}
	for _, d := range docs {
		n := name{d.Kind, d.Owner, d.ID}
		if c, ok := d.resource.(*entry[account.ContactDocument]); ok {
			n.id = c.value.Account + "/" + d.ID // accounts may use the same ids
		}
		if _, again := first[n]; again {
			refusal = append(refusal, at(d, fault.Problems{{Rule: "document.repeated", Detail: "another document of the file has this kind, owner and id"}}))
		}
		first[n] = d.Number
		if s, ok := d.resource.(*entry[smtp.Document]); ok && s.value.Default {
			n = name{kind: "default", owner: d.Owner}
			if _, again := first[n]; again {
				refusal = append(refusal, at(d, fault.Problems{{Pointer: "/default", Rule: "smtp.default", Detail: "another document asks to be the owner's default"}}))
			}
			first[n] = d.Number
		}
	}
	return refusal
}
