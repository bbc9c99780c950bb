package nats

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// Names knows the time zones of accounts and owners, and what owners want
// derived, as they are stored now.
type Names struct{ accounts, owners *bucket.Bucket }

// NewNames returns the names. It makes no request.
func NewNames(js jetstream.JetStream) *Names {
	return &Names{accounts: bucket.Open(js, topology.Accounts), owners: bucket.Open(js, topology.Owners)}
}

// Account returns the zone of an account, "" when it has none or is not known.
func (n *Names) Account(ctx context.Context, owner, account string) (string, error) {
	if !id.Valid(account) {
		return "", nil // a wildcard would find somebody
	}
	return zoneIn(ctx, n.accounts, setup.Key(owner, account))
}

// Owner returns the zone of an owner, "" when it has none or is gone.
func (n *Names) Owner(ctx context.Context, id string) (string, error) {
	return zoneIn(ctx, n.owners, id)
}

// Derives returns what owners want derived, of those who want anything.
func (n *Names) Derives(ctx context.Context) (map[string]owner.Derive, error) {
	out := map[string]owner.Derive{}
	err := n.owners.Each(ctx, bucket.Keys{}, func(e bucket.Entry) error {
		var found owner.Owner
		if err := json.Unmarshal(e.Value, &found); err != nil {
			return fault.New(fault.Internal, "decode owner", e.Key, err)
		}
		if found.Derive != (owner.Derive{}) {
			out[e.Key] = found.Derive
		}
		return nil
	})
	return out, err
}

func zoneIn(ctx context.Context, b *bucket.Bucket, key string) (string, error) {
	e, err := b.Get(ctx, key)
	if err != nil || !e.Exists() {
		return "", err
	}
	var found struct {
		TimeZone string `json:"time_zone"`
	}
	if err := json.Unmarshal(e.Value, &found); err != nil {
		return "", fault.New(fault.Internal, "decode "+b.Name(), key, err)
	}
	return found.TimeZone, nil
}
