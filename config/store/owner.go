package store

import (
	"context"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// PutOwner creates or replaces an owner.
func (s *Store) PutOwner(ctx context.Context, o owner.Owner) (setup.Change, error) {
	return s.run(ctx, job{
		owner: o.ID, id: o.ID, reads: reads{keys: own(topology.Owners)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) { return on.setup.PutOwner(o) },
	})
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
// the present Setup, empty for an unknown owner, and the Env.
func (s *Store) Draft(ctx context.Context, ownerID string) (*setup.Setup, setup.Env, error) {
	if err := checkIDs(job{owner: ownerID, id: ownerID}); err != nil {
		return nil, setup.Env{}, err
	}
	env, err := s.env(ctx, true)
	if err != nil {
		return nil, env, err
	}
	st, err := s.setup(ctx, ownerID)
	return st, env, err
}

// setup returns an empty Setup for an unknown owner.
func (s *Store) setup(ctx context.Context, ownerID string) (*setup.Setup, error) {
	view, err := s.ledger.View(ctx, ownerID)
	if err != nil {
		return nil, err
	}
	l, err := load(ctx, view, ownerID, everything())
	if err != nil {
		return nil, err
	}
	return &l.setup, nil
}
