package manifest

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

// draft is an owner's configuration with the documents judged so far.
type draft struct {
	setup *setup.Setup
	env   setup.Env
	// stored returns the stored account, nil when there is none.
	stored func(id string) (*account.Account, error)
	// accounts are those that documents before made or changed.
	accounts map[string]*account.Account
}

// account returns an account as it is after the documents before, nil when
// there is none.
func (d *draft) account(id string) (*account.Account, error) {
	if a, ok := d.accounts[id]; ok {
		return a, nil
	}
	return d.stored(id)
}

func (d *draft) putAccount(owner string, a account.Account) (setup.Change, error) {
	former, err := d.account(a.ID)
	if err != nil {
		return setup.Change{}, err
	}
	c, err := d.setup.PutAccount(owner, former, a)
	return d.took(a.ID, c, err)
}

func (d *draft) putContact(owner string, c account.ContactDocument) (setup.Change, error) {
	former, err := d.account(c.Account)
	if err != nil {
		return setup.Change{}, err
	}
	change, err := d.setup.PutContact(owner, former, c)
	return d.took(c.Account, change, err)
}

// took notes what a change makes of an account, and passes its result on.
func (d *draft) took(id string, c setup.Change, err error) (setup.Change, error) {
	if err != nil || c.Value == nil {
		return c, err
	}
	a := new(account.Account)
	if err := json.Unmarshal(c.Value, a); err != nil {
		return c, fault.New(fault.Internal, "decode account", id, err)
	}
	d.accounts[id] = a
	return c, nil
}

func newDraft(ctx context.Context, s *store.Store, owner string) (*draft, error) {
	st, env, err := s.Draft(ctx, owner)
	if err != nil {
		return nil, err
	}
	return &draft{setup: st, env: env, accounts: map[string]*account.Account{}, stored: func(id string) (*account.Account, error) {
		a, err := s.Account(ctx, owner, id)
		if fault.KindOf(err) == fault.NotFound {
			return nil, nil
		}
		return a, err
	}}, nil
}

// judge judges every document on what is stored and on the documents before
// it. Its error is a [Refusal] of all that is wrong, or a failure to read.
func judge(ctx context.Context, s *store.Store, docs []*Document) ([]setup.Change, error) {
	drafts := map[string]*draft{}
	changes := make([]setup.Change, len(docs))
	var refusal Refusal
	for i, doc := range docs {
		d := drafts[doc.Owner]
		if d == nil {
			var err error
			if d, err = newDraft(ctx, s, doc.Owner); err != nil {
				return nil, err
			}
			drafts[doc.Owner] = d
		}
		c, err := doc.resource.judge(doc.Owner, d)
		if refused(err) {
			refusal = append(refusal, at(doc, problemsOf(err)))
		} else if err != nil {
			return nil, err
		}
		changes[i] = c
	}
	if len(refusal) > 0 {
		return nil, refusal
	}
	return changes, nil
}

// refused tells a broken rule from a failure.
func refused(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Exhausted:
		return err != nil
	case fault.Conflict:
		return fault.ProblemsOf(err) != nil
	default:
		return false
	}
}

func problemsOf(err error) fault.Problems {
	if p := fault.ProblemsOf(err); p != nil {
		return p
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.NotFound {
		return fault.Problems{{Pointer: "/owner", Rule: "reference.unknown", Detail: "there is no owner " + f.Subject}}
	}
	return fault.Problems{{Rule: fault.KindOf(err).String(), Detail: err.Error()}}
}
