package store

import (
	"context"
	"errors"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// PutOwner creates or replaces an owner, with the object store for its
// documents. The id of one that was deleted is refused with [ErrReserved] as
// long as streams remember it.
func (s *Store) PutOwner(ctx context.Context, o owner.Owner) (setup.Change, error) {
	j := job{
		owner: o.ID, id: o.ID, reads: reads{keys: own(topology.Owners)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) { return on.setup.PutOwner(o) },
	}
	c, err := s.run(ctx, j)
	if errors.Is(err, ledger.ErrClosed) {
		if err = s.reopen(ctx, o.ID); err == nil {
			c, err = s.run(ctx, j)
		}
	}
	if err != nil {
		return c, err
	}
	return c, topology.EnsureDocuments(ctx, s.deps.JetStream, o.ID)
}

// Owners returns the ids of all owners, in no order.
func (s *Store) Owners(ctx context.Context) ([]string, error) {
	entries, err := bucket.Open(s.deps.JetStream, topology.Owners).List(ctx, "*")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, e := range entries {
		if e.Exists() {
			ids = append(ids, e.Key)
		}
	}
	return ids, nil
}

// Setup returns all that an owner has configured, after every finished change.
// It fails with [fault.NotFound] for an unknown owner.
func (s *Store) Setup(ctx context.Context, ownerID string) (*setup.Setup, error) {
	if err := checkIDs(job{owner: ownerID, id: ownerID}); err != nil {
		return nil, err
	}
	st, err := s.setup(ctx, ownerID)
	if err == nil && st.Owner == nil {
		return nil, fault.New(fault.NotFound, "find owner", ownerID, nil)
	}
	return st, err
}

// Draft returns what changes of an owner can be judged on without making them:
// the present Setup, empty for an unknown owner, and the Env. It fails with
// [ErrReserved] where an owner of the id cannot be made.
func (s *Store) Draft(ctx context.Context, ownerID string) (*setup.Setup, setup.Env, error) {
	if err := checkIDs(job{owner: ownerID, id: ownerID}); err != nil {
		return nil, setup.Env{}, err
	}
	if err := s.free(ctx, ownerID); err != nil {
		return nil, setup.Env{}, err
	}
	env, err := s.env(ctx, job{moment: true})
	if err != nil {
		return nil, env, err
	}
	st, err := s.setup(ctx, ownerID)
	return st, env, err
}

// setup returns an empty Setup for an unknown owner.
func (s *Store) setup(ctx context.Context, ownerID string) (*setup.Setup, error) {
	_, st, err := s.whole(ctx, ownerID)
	return st, err
}

// whole returns all that an owner has configured, and the view that it was read
// by.
func (s *Store) whole(ctx context.Context, ownerID string) (*ledger.View, *setup.Setup, error) {
	view, err := s.ledger.View(ctx, ownerID)
	if err != nil {
		return nil, nil, err
	}
	l, err := load(ctx, view, ownerID, everything())
	if err != nil {
		return nil, nil, err
	}
	return view, &l.setup, nil
}
