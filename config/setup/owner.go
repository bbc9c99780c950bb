package setup

import (
	"github.com/billhook/billhook/config/account"
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

// PutAccount creates or replaces an account of the owner; former is nil when
// there is none. The Setup does not hold accounts.
func (s *Setup) PutAccount(ownerID string, former *account.Account, a account.Account) (Change, error) {
	if err := s.known(ownerID); err != nil {
		return Change{}, err
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

// DeleteAccount deletes an account.
func (s *Setup) DeleteAccount(ownerID string, former *account.Account, id string) (Change, error) {
	if former == nil {
		return Change{}, notFound("delete account", id)
	}
	return s.change(write{bucket: topology.Accounts, owner: ownerID, id: id, before: *former})
}
