// Package owners reads owners from the watched configuration. An owner that is
// not there is looked for once more where it is stored: what was saved a
// moment before may not have reached the watcher yet, and its first events
// must not be refused for that.
package owners

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// Owners reads owners.
type Owners struct {
	directory *directory.Directory
	stored    *bucket.Bucket
}

// New returns owners of a directory that watches them.
func New(d *directory.Directory, js jetstream.JetStream) *Owners {
	return &Owners{directory: d, stored: bucket.Open(js, topology.Owners)}
}

// Owner returns an owner; an error of kind NotFound when there is none.
func (o *Owners) Owner(ctx context.Context, name string) (owner.Owner, error) {
	if known := o.directory.Owner(name).Owner; known != nil {
		return *known, nil
	}
	if !id.Valid(name) {
		return owner.Owner{}, fault.New(fault.NotFound, "read owner", name, nil)
	}
	entry, err := o.stored.Get(ctx, name)
	if err != nil {
		return owner.Owner{}, err
	}
	if !entry.Exists() {
		return owner.Owner{}, fault.New(fault.NotFound, "read owner", name, nil)
	}
	var found owner.Owner
	if err := json.Unmarshal(entry.Value, &found); err != nil {
		return owner.Owner{}, fault.New(fault.Internal, "decode owner", name, err)
	}
	return found, nil
}
