package store

import (
	"context"
	"slices"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Found is a resource as an owner reads it, after every finished change.
type Found[T any] struct {
	Document T
	// Revision is that of the key which holds the resource.
	Revision uint64
}

// FindOwner returns an owner. Like its siblings it fails with
// [fault.NotFound].
func (s *Store) FindOwner(ctx context.Context, id string) (Found[owner.Owner], error) {
	return find(ctx, s, job{owner: id, id: id, reads: reads{keys: own(topology.Owners)}}, func(st *setup.Setup) (owner.Owner, bool) {
		if st.Owner == nil {
			return owner.Owner{}, false
		}
		return *st.Owner, true
	})
}

// FindContactType returns a contact type.
func (s *Store) FindContactType(ctx context.Context, owner, id string) (Found[account.ContactType], error) {
	return find(ctx, s, job{owner: owner, id: id, reads: reads{keys: own(topology.ContactTypes)}}, func(st *setup.Setup) (account.ContactType, bool) {
		t, ok := st.ContactTypes.Find(id)
		if !ok {
			return account.ContactType{}, false
		}
		return *t, true
	})
}

// FindSMTP returns SMTP settings without their secrets.
func (s *Store) FindSMTP(ctx context.Context, owner, id string) (Found[smtp.Document], error) {
	return find(ctx, s, job{owner: owner, id: id, reads: reads{keys: own(topology.SMTP)}}, func(st *setup.Setup) (smtp.Document, bool) {
		return st.SMTPSettings(id)
	})
}

// FindEmail returns a canned email.
func (s *Store) FindEmail(ctx context.Context, owner, id string) (Found[email.Spec], error) {
	return find(ctx, s, one(topology.Emails, owner, id), func(st *setup.Setup) (email.Spec, bool) {
		e, ok := st.Emails[id]
		if !ok {
			return email.Spec{}, false
		}
		return e.Spec, true
	})
}

// FindEndpoint returns an endpoint without its secrets.
func (s *Store) FindEndpoint(ctx context.Context, owner, id string) (Found[endpoint.Spec], error) {
	return find(ctx, s, one(topology.Endpoints, owner, id), func(st *setup.Setup) (endpoint.Spec, bool) {
		e, ok := st.Endpoints[id]
		if !ok {
			return endpoint.Spec{}, false
		}
		return e.Spec, true
	})
}

// FindSubscription returns a subscription that is not deleted.
func (s *Store) FindSubscription(ctx context.Context, owner, id string) (Found[subscription.Spec], error) {
	return find(ctx, s, one(topology.Subscriptions, owner, id), func(st *setup.Setup) (subscription.Spec, bool) {
		sub, ok := st.Subscriptions[id]
		if !ok || sub.Deleted {
			return subscription.Spec{}, false
		}
		return sub.Spec, true
	})
}

// FindAccount returns an account with its contacts.
func (s *Store) FindAccount(ctx context.Context, owner, id string) (Found[account.Account], error) {
	if err := checkIDs(job{owner: owner, id: id}); err != nil {
		return Found[account.Account]{}, err
	}
	view, err := s.ledger.View(ctx, owner)
	if err != nil {
		return Found[account.Account]{}, err
	}
	e, err := view.Get(ctx, topology.Accounts, setup.Key(owner, id))
	if err != nil {
		return Found[account.Account]{}, err
	}
	if !e.Exists() {
		return Found[account.Account]{}, fault.New(fault.NotFound, "find account", id, nil)
	}
	a, err := decodeAccount(e.Key, e.Value)
	if err != nil {
		return Found[account.Account]{}, err
	}
	return Found[account.Account]{Document: *a, Revision: e.Revision}, nil
}

// FindContact returns a contact of an account. Its revision is that of the
// account.
func (s *Store) FindContact(ctx context.Context, at ContactPlace) (Found[account.Contact], error) {
	a, err := s.FindAccount(ctx, at.Owner, at.Account)
	if err != nil {
		return Found[account.Contact]{}, err
	}
	i := slices.IndexFunc(a.Document.Contacts, func(c account.Contact) bool { return c.ID == at.Contact })
	if i < 0 {
		return Found[account.Contact]{}, fault.New(fault.NotFound, "find contact", at.Contact, nil)
	}
	return Found[account.Contact]{Document: a.Document.Contacts[i], Revision: a.Revision}, nil
}

// one asks for one key of a bucket.
func one(bucket, owner, id string) job {
	return job{owner: owner, id: id, reads: reads{keys: []ref{{bucket, id}}}}
}

// find reads the one key that a job reads and picks the resource out of it.
func find[T any](ctx context.Context, s *Store, j job, pick func(*setup.Setup) (T, bool)) (Found[T], error) {
	if err := checkIDs(j); err != nil {
		return Found[T]{}, err
	}
	view, err := s.ledger.View(ctx, j.owner)
	if err != nil {
		return Found[T]{}, err
	}
	l, err := load(ctx, view, j.owner, j.reads)
	if err != nil {
		return Found[T]{}, err
	}
	document, ok := pick(&l.setup)
	if !ok {
		return Found[T]{}, fault.New(fault.NotFound, "find", j.id, nil)
	}
	key := j.reads.keys[0]
	return Found[T]{Document: document, Revision: l.revisions[ref{key.bucket, setup.Key(j.owner, key.id)}]}, nil
}
