package setup

import (
	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/streams/topology"
)

// PutOwner creates or replaces the owner.
func (s *Setup) PutOwner(o owner.Owner) (Change, error) {
	if err := o.Check().Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Owners, owner: o.ID, stored: o, after: o}
	if s.Owner != nil {
		w.before = *s.Owner
	}
	return s.change(w)
}

// DeleteOwner deletes the owner. What else it has is not judged.
func (s *Setup) DeleteOwner(id string) (Change, error) {
	if s.Owner == nil {
		return Change{}, notFound("delete owner", id)
	}
	return s.change(write{bucket: topology.Owners, owner: id, before: *s.Owner})
}

// PutAccount creates or replaces an account of the owner; former is nil when
// there is none. Contacts that the document does not speak of stay. The Setup
// does not hold accounts.
func (s *Setup) PutAccount(ownerID string, former *account.Account, a account.Account) (Change, error) {
	if err := s.known(ownerID); err != nil {
		return Change{}, err
	}
	if a.Contacts == nil && former != nil {
		a.Contacts = former.Contacts
	}
	if err := a.Check(s.ContactTypes).Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Accounts, owner: ownerID, id: a.ID, stored: a, after: a}
	if former != nil {
		w.before = *former
	}
	return s.change(w)
}

// PutContact adds a contact to an account, or changes the one of its id; former
// is the account as it is, nil when there is none. It takes the place of another
// contact of its type only where the document says so.
func (s *Setup) PutContact(ownerID string, former *account.Account, d account.ContactDocument) (Change, error) {
	if err := s.known(ownerID); err != nil {
		return Change{}, err
	}
	if former == nil {
		var r field.Report
		unknown(&r, "/account", "account", d.Account)
		return Change{}, r.Problems()
	}
	next, replaced, problems := former.With(d, s.ContactTypes)
	if err := problems.Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Accounts, owner: ownerID, id: former.ID, stored: next, after: d.Contact}
	if replaced != nil {
		w.before = *replaced
	}
	return s.change(w)
}

// DeleteAccount deletes an account.
func (s *Setup) DeleteAccount(ownerID string, former *account.Account, id string) (Change, error) {
	if former == nil {
		return Change{}, notFound("delete account", id)
	}
	return s.change(write{bucket: topology.Accounts, owner: ownerID, id: id, before: *former})
}

// DeleteContact takes a contact from an account; former is the account as it is,
// nil when there is none.
func (s *Setup) DeleteContact(ownerID string, former *account.Account, id string) (Change, error) {
	if former == nil {
		return Change{}, notFound("delete contact", id)
	}
	next, gone := former.Without(id)
	if gone == nil {
		return Change{}, notFound("delete contact", id)
	}
	return s.change(write{bucket: topology.Accounts, owner: ownerID, id: former.ID, stored: next, before: *gone})
}
