package store

import (
	"context"
	"encoding/json"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// PutAccount creates or replaces an account with its contacts.
func (s *Store) PutAccount(ctx context.Context, owner string, a account.Account) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: a.ID, reads: reads{keys: own(topology.Owners, topology.ContactTypes)},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			former, err := readAccount(ctx, on.view, owner, a.ID)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.PutAccount(owner, former, a)
		},
	})
}

// PutContact adds a contact to an account, or changes the one of its id. It takes
// the place of another contact of its type only where the document says so.
func (s *Store) PutContact(ctx context.Context, owner string, d account.ContactDocument) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: d.Account, contact: d.ID, reads: reads{keys: own(topology.Owners, topology.ContactTypes)},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			former, err := readAccount(ctx, on.view, owner, d.Account)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.PutContact(owner, former, d)
		},
	})
}

// DeleteAccount deletes an account with its contacts.
func (s *Store) DeleteAccount(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			former, err := readAccount(ctx, on.view, owner, id)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteAccount(owner, former, id)
		},
	})
}

// DeleteContact takes a contact from an account.
func (s *Store) DeleteContact(ctx context.Context, at ContactPlace) (setup.Change, error) {
	return s.run(ctx, job{
		owner: at.Owner, id: at.Account, contact: at.Contact,
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			former, err := readAccount(ctx, on.view, at.Owner, at.Account)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteContact(at.Owner, former, at.Contact)
		},
	})
}

// ContactPlace names a contact.
type ContactPlace struct{ Owner, Account, Contact string }

// Account returns an account. It fails with [fault.NotFound].
func (s *Store) Account(ctx context.Context, owner, id string) (*account.Account, error) {
	if err := checkIDs(job{owner: owner, id: id}); err != nil {
		return nil, err
	}
	view, err := s.ledger.View(ctx, owner)
	if err != nil {
		return nil, err
	}
	a, err := readAccount(ctx, view, owner, id)
	if err == nil && a == nil {
		return nil, fault.New(fault.NotFound, "find account", id, nil)
	}
	return a, err
}

// EachAccount visits the accounts of an owner, in the order of their last change,
// until visit fails.
func (s *Store) EachAccount(ctx context.Context, owner string, visit func(*account.Account) error) error {
	if err := checkIDs(job{owner: owner, id: owner}); err != nil {
		return err
	}
	keys := bucket.Keys{Patterns: []string{owner + ".*"}}
	return bucket.Open(s.deps.JetStream, topology.Accounts).Each(ctx, keys, func(e bucket.Entry) error {
		a, err := decodeAccount(e.Key, e.Value)
		if err != nil {
			return err
		}
		return visit(a)
	})
}

// readAccount returns nil when there is none.
func readAccount(ctx context.Context, view *ledger.View, owner, id string) (*account.Account, error) {
	e, err := view.Get(ctx, topology.Accounts, setup.Key(owner, id))
	if err != nil || !e.Exists() {
		return nil, err
	}
	return decodeAccount(e.Key, e.Value)
}

func decodeAccount(key string, value []byte) (*account.Account, error) {
	a := new(account.Account)
	if err := json.Unmarshal(value, a); err != nil {
		return nil, fault.New(fault.Internal, "decode account", key, err)
	}
	return a, nil
}

// PutContactType creates or replaces a contact type.
func (s *Store) PutContactType(ctx context.Context, owner string, t account.ContactType) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: t.ID, reads: reads{keys: own(topology.Owners, topology.ContactTypes)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutContactType(owner, t)
		},
	})
}

// DeleteContactType deletes a contact type that nothing uses. It reads every
// account of the owner.
func (s *Store) DeleteContactType(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		reads: reads{
			keys:  own(topology.ContactTypes),
			lists: []string{topology.Emails, topology.Subscriptions},
		},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			users, err := accountsWith(ctx, on.view, id)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteContactType(owner, id, users)
		},
	})
}

// maxUsers is how many accounts a refusal names.
const maxUsers = 10

// accountsWith returns some accounts that have a contact of the type.
func accountsWith(ctx context.Context, view *ledger.View, contactType string) ([]string, error) {
	entries, err := view.List(ctx, topology.Accounts)
	if err != nil {
		return nil, err
	}
	var users []string
	for _, e := range entries {
		a, err := decodeAccount(e.Key, e.Value)
		if err != nil {
			return nil, err
		}
		if _, ok := a.Contact(contactType); ok {
			users = append(users, a.ID)
		}
		if len(users) == maxUsers {
			break
		}
	}
	return users, nil
}
