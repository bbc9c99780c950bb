package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// CreateKey makes an API key and returns its text, which nothing gives again.
// Of the wanted key role, name, endpoints, queues and expiry count. With no owner it is
// an operator's.
func (s *Store) CreateKey(ctx context.Context, owner string, want apikey.Key) (apikey.Key, secret.Text, error) {
	k, text, err := s.drawKey(owner, want)
	if err != nil {
		return apikey.Key{}, secret.Text{}, err
	}
	j := keyJob(owner, k.ID)
	for bucket, ids := range map[string][]string{topology.Endpoints: k.Endpoints, topology.Queues: k.Queues} {
		for _, named := range ids {
			if id.Valid(named) {
				j.reads.keys = append(j.reads.keys, ref{bucket, named})
			}
		}
	}
	j.judge = func(_ context.Context, on *occasion) (setup.Change, error) { return on.setup.CreateKey(k) }
	if _, err := s.run(ctx, j); err != nil {
		return apikey.Key{}, secret.Text{}, err
	}
	return k.Shown(), text, nil
}

// FirstOperatorKey makes an operator's key where there never was one, not even
// one revoked since; otherwise the text is empty.
func (s *Store) FirstOperatorKey(ctx context.Context) (secret.Text, error) {
	k, text, err := s.drawKey("", apikey.Key{Role: apikey.Operator, Name: "made on first start"})
	if err != nil {
		return secret.Text{}, err
	}
	j := keyJob("", k.ID)
	j.judge = func(ctx context.Context, on *occasion) (setup.Change, error) {
		all, err := on.view.List(ctx, topology.APIKeys)
		if err != nil || len(all) > 0 {
			return setup.Change{Action: setup.Unchanged}, err
		}
		return on.setup.CreateKey(k)
	}
	c, err := s.run(ctx, j)
	if err != nil || c.Action == setup.Unchanged {
		return secret.Text{}, err
	}
	return text, nil
}

func (s *Store) drawKey(owner string, want apikey.Key) (apikey.Key, secret.Text, error) {
	keyID, text, err := apikey.Generate(owner, s.deps.Rand)
	want.Owner, want.ID, want.Hash, want.CreatedAt = owner, keyID, apikey.Hash(text), s.deps.Now().UTC()
	return want, text, err
}

// RevokeKey makes an API key invalid, for good. With no owner it is an
// operator's.
func (s *Store) RevokeKey(ctx context.Context, owner, keyID string) error {
	j := keyJob(owner, keyID)
	j.verb = "revoke"
	j.judge = func(ctx context.Context, on *occasion) (setup.Change, error) {
		k := &apikey.Key{Owner: owner, ID: keyID}
		e, err := on.view.Get(ctx, topology.APIKeys, k.Place())
		if err != nil {
			return setup.Change{}, err
		}
		if !e.Exists() {
			k = nil
		} else if k, err = decodeKey(e); err != nil {
			return setup.Change{}, err
		}
		return on.setup.RevokeKey(k, keyID, on.env.Moment.At)
	}
	_, err := s.run(ctx, j)
	return err
}

// Keys returns the API keys of an owner, revoked ones too, without their
// hashes, the oldest first. With no owner they are the operators'. It fails
// with [fault.NotFound] for an unknown owner.
func (s *Store) Keys(ctx context.Context, owner string) ([]apikey.Key, error) {
	j := keyJob(owner, "any")
	if err := checkIDs(j); err != nil {
		return nil, err
	}
	view, err := s.ledger.View(ctx, j.record())
	if err != nil {
		return nil, err
	}
	if owner != "" {
		e, err := view.Get(ctx, topology.Owners, owner)
		if err == nil && !e.Exists() {
			err = fault.New(fault.NotFound, "find owner", owner, nil)
		}
		if err != nil {
			return nil, err
		}
	}
	all, err := listKeys(ctx, view)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = all[i].Shown()
	}
	slices.SortFunc(all, func(a, b apikey.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// keyJob is a change of an API key; with no owner of an operator's.
func keyJob(owner, keyID string) job {
	j := job{owner: owner, id: keyID, ownerless: owner == ""}
	if !j.ownerless {
		j.reads.keys = own(topology.Owners)
	}
	return j
}

func listKeys(ctx context.Context, view *ledger.View) ([]apikey.Key, error) {
	entries, err := view.List(ctx, topology.APIKeys)
	if err != nil {
		return nil, err
	}
	all := make([]apikey.Key, len(entries))
	for i, e := range entries {
		k, err := decodeKey(e)
		if err != nil {
			return nil, err
		}
		all[i] = *k
	}
	return all, nil
}

func decodeKey(e bucket.Entry) (*apikey.Key, error) {
	k := new(apikey.Key)
	if err := json.Unmarshal(e.Value, k); err != nil {
		return nil, fault.New(fault.Internal, "decode api key", e.Key, err)
	}
	return k, nil
}

// bound is what keys of subscribers may be bound to.
type bound struct {
	kind access.Resource
	id   string
}

// boundTo returns the valid keys that are bound to a thing.
func boundTo(ctx context.Context, on *occasion, to bound) ([]string, error) {
	all, err := listKeys(ctx, on.view)
	if err != nil {
		return nil, err
	}
	var users []string
	for i := range all {
		if k := &all[i]; k.Valid(on.env.Moment.At) && access.Bound(k, to.kind, to.id) {
			users = append(users, "API key "+k.ID)
		}
	}
	return users, nil
}
