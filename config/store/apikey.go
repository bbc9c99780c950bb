package store

import (
	"context"
	"encoding/json"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// CreateKey makes an API key and returns its text, which nothing gives again.
// Only the role and the name of the wanted key count.
func (s *Store) CreateKey(ctx context.Context, owner string, want apikey.Key) (apikey.Key, secret.Text, error) {
	id, text, err := apikey.Generate(s.deps.Rand)
	if err != nil {
		return apikey.Key{}, secret.Text{}, err
	}
	k := apikey.Key{
		Owner: owner, ID: id, Name: want.Name, Role: want.Role,
		Hash: apikey.Hash(text), CreatedAt: s.deps.Now().UTC(),
	}
	if err := k.Check().Or(); err != nil {
		return apikey.Key{}, secret.Text{}, err
	}
	err = s.changeKey(ctx, owner, id, func(st *setup.Setup, _ *apikey.Key) (*apikey.Key, error) {
		if st.Owner == nil {
			return nil, fault.New(fault.NotFound, "find owner", owner, nil)
		}
		return &k, nil
	})
	return k, text, err
}

// RevokeKey makes an API key invalid, for good.
func (s *Store) RevokeKey(ctx context.Context, owner, id string) error {
	return s.changeKey(ctx, owner, id, func(_ *setup.Setup, former *apikey.Key) (*apikey.Key, error) {
		if former == nil {
			return nil, fault.New(fault.NotFound, "revoke api key", id, nil)
		}
		if former.RevokedAt.IsZero() {
			former.RevokedAt = s.deps.Now().UTC()
		}
		return former, nil
	})
}

// nextKey decides what becomes of a key; former is nil when there is none.
type nextKey func(st *setup.Setup, former *apikey.Key) (*apikey.Key, error)

func (s *Store) changeKey(ctx context.Context, owner, id string, next nextKey) error {
	_, err := s.run(ctx, job{
		owner: owner, id: id, reads: reads{keys: own(topology.Owners)},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			former, err := readKey(ctx, on.view, owner, id)
			if err != nil {
				return setup.Change{}, err
			}
			k, err := next(on.setup, former)
			if err != nil {
				return setup.Change{}, err
			}
			value, err := json.Marshal(k)
			return setup.Change{Action: setup.Updated, Bucket: topology.APIKeys, Key: setup.Key(owner, id), Value: value}, err
		},
	})
	return err
}

func readKey(ctx context.Context, view *ledger.View, owner, id string) (*apikey.Key, error) {
	e, err := view.Get(ctx, topology.APIKeys, setup.Key(owner, id))
	if err != nil || !e.Exists() {
		return nil, err
	}
	k := new(apikey.Key)
	if err := json.Unmarshal(e.Value, k); err != nil {
		return nil, fault.New(fault.Internal, "decode api key", e.Key, err)
	}
	return k, nil
}
