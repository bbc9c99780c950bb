package nats

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Snapshots knows the owners as far as they are watched.
type Snapshots interface {
	// Owner returns the snapshot of one owner, never nil.
	Owner(owner string) *directory.Snapshot
}

// Owners knows the owners' time zones.
type Owners struct {
	known  Snapshots
	bucket *bucket.Bucket
}

// NewOwners returns the owners. It makes no request.
func NewOwners(js jetstream.JetStream, known Snapshots) *Owners {
	return &Owners{known: known, bucket: bucket.Open(js, topology.Owners)}
}

// TimeZone returns the zone of an owner, "" when it has none or is gone. An
// owner that the watch has not heard of is asked for.
func (o *Owners) TimeZone(ctx context.Context, id string) (string, error) {
	if known := o.known.Owner(id).Owner; known != nil {
		return known.TimeZone, nil
	}
	e, err := o.bucket.Get(ctx, id)
	if err != nil || !e.Exists() {
		return "", err
	}
	var found owner.Owner
	if err := json.Unmarshal(e.Value, &found); err != nil {
		return "", fault.New(fault.Internal, "decode owner", id, err)
	}
	return found.TimeZone, nil
}
