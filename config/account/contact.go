package account

import (
	"slices"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// ContactDocument is a contact as it is saved by itself, beside the other
// contacts of its account.
type ContactDocument struct {
	Contact
	// Account is the id of the account.
	Account string `json:"account"`
	// Replace lets the contact take the place of another one of its type.
	Replace bool `json:"replace,omitempty"`
}

// With returns the account with a contact more, or with the contact of that id
// changed. A contact of another id keeps its type, unless the document says that
// it is replaced. Former is the contact whose place is taken, nil for none.
func (a *Account) With(d ContactDocument, types ContactTypes) (next *Account, former *Contact, problems fault.Problems) {
	var r field.Report
	r.Join("", d.Check(types))
	if d.Account != a.ID {
		r.Add("/account", "contact.account", "is another account")
	}
	out := *a
	out.Contacts = slices.Clone(a.Contacts)
	if other, ok := out.Contact(d.Type); ok && other.ID != d.ID {
		if !d.Replace {
			r.Add("/type", "contact.second", "contact "+other.ID+" of the account has this type; say replace: true to put this one in its place")
			return nil, nil, r.Problems()
		}
		former = new(*other)
		out.Contacts = slices.DeleteFunc(out.Contacts, func(c Contact) bool { return c.ID == former.ID })
	}
	i := slices.IndexFunc(out.Contacts, func(c Contact) bool { return c.ID == d.ID })
	if i < 0 {
		out.Contacts = append(out.Contacts, d.Contact)
	} else {
		former, out.Contacts[i] = new(out.Contacts[i]), d.Contact
	}
	if len(out.Contacts) > MaxContacts {
		r.Add("", "list.length", "an account has at most 50 contacts")
	}
	return &out, former, r.Problems()
}

// Without returns the account without the contact of an id, and the contact; nil
// when it has none of that id.
func (a *Account) Without(id string) (next *Account, gone *Contact) {
	i := slices.IndexFunc(a.Contacts, func(c Contact) bool { return c.ID == id })
	if i < 0 {
		return a, nil
	}
	out := *a
	out.Contacts = slices.Delete(slices.Clone(a.Contacts), i, i+1)
	return &out, new(a.Contacts[i])
}
