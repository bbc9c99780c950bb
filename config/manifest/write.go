package manifest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
)

// Resource is a stored resource as a file has it, but for its secrets, which
// nothing gives back.
type Resource struct {
	Kind      Kind
	Owner, ID string

	document any
}

// AccountOf is the resource of an account, with its contacts.
func AccountOf(owner string, a *account.Account) Resource {
	return Resource{Kind: Account, Owner: owner, ID: a.ID, document: a}
}

// Resources lists what an owner has configured, in the order of saving and of
// ids; its accounts, which may be many, are not among it.
func Resources(owner string, s *setup.Setup) []Resource {
	var out []Resource
	add := func(k Kind, id string, document any) {
		out = append(out, Resource{Kind: k, Owner: owner, ID: id, document: document})
	}
	if s.Owner != nil {
		add(Owner, s.Owner.ID, s.Owner)
	}
	for i := range s.ContactTypes.Types {
		t := &s.ContactTypes.Types[i]
		add(ContactType, t.ID, t)
	}
	for i := range s.SMTP.Sets {
		id := s.SMTP.Sets[i].ID
		shown, _ := s.SMTPSettings(id)
		add(SMTPSettings, id, shown)
	}
	for id, e := range s.Emails {
		add(CannedEmail, id, &e.Spec)
	}
	for id, e := range s.Endpoints {
		add(Endpoint, id, &e.Spec)
	}
	for id, sub := range s.Subscriptions {
		if !sub.Deleted {
			add(Subscription, id, &sub.Spec)
		}
	}
	for id, q := range s.Queues {
		add(Queue, id, &q.Spec)
	}
	slices.SortFunc(out, func(a, b Resource) int {
		return cmp.Or(slices.Index(Kinds(), a.Kind)-slices.Index(Kinds(), b.Kind), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// WriteYAML writes the resource as a document of a stream. Members stand on a
// line each and their values as JSON, which YAML has for a part of it: so every
// text and every number comes back as it is.
func (r Resource) WriteYAML(w io.Writer) error {
	members, err := r.members()
	if err != nil {
		return err
	}
	text := fmt.Appendf(nil, "---\nkind: %s\n", r.Kind)
	if r.Kind != Owner {
		text = fmt.Appendf(text, "owner: %s\n", quoted(r.Owner))
	}
	for _, m := range members {
		text = fmt.Appendf(text, "%s: %s\n", m.name, m.value)
	}
	_, err = w.Write(text)
	return err
}

// WriteJSON writes the resource as one line.
func (r Resource) WriteJSON(w io.Writer) error {
	members, err := r.members()
	if err != nil {
		return err
	}
	text := fmt.Appendf(nil, `{"kind":%s,"owner":%s`, quoted(string(r.Kind)), quoted(r.Owner))
	for _, m := range members {
		text = fmt.Appendf(text, ",%s:%s", quoted(m.name), m.value)
	}
	_, err = w.Write(append(text, "}\n"...))
	return err
}

// member is one member of a document, in its place.
type member struct {
	name  string
	value json.RawMessage
}

func (r Resource) members() ([]member, error) {
	var text bytes.Buffer
	plain := json.NewEncoder(&text)
	plain.SetEscapeHTML(false) // people read it, no browser does
	if err := plain.Encode(r.document); err != nil {
		return nil, fault.New(fault.Internal, "encode "+string(r.Kind), r.ID, err)
	}
	in := json.NewDecoder(&text)
	_, err := in.Token() // the brace
	var out []member
	for err == nil && in.More() {
		var name json.Token
		if name, err = in.Token(); err != nil {
			break
		}
		m := member{name: name.(string)}
		err = in.Decode(&m.value)
		out = append(out, m)
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "read "+string(r.Kind), r.ID, err)
	}
	return out, nil
}

// quoted writes a text as JSON.
func quoted(text string) string {
	b, _ := json.Marshal(text) // a text
	return string(b)
}
