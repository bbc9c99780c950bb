// Package nats is the scheduler's plans, timers, inlet and reading in NATS.
package nats

import (
	"context"
	"encoding/json"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/topology"
)

// Shelf is the bucket plans.
type Shelf struct {
	js     jetstream.JetStream
	bucket *bucket.Bucket
}

// NewShelf returns the shelf. It makes no request.
func NewShelf(js jetstream.JetStream) *Shelf {
	return &Shelf{js: js, bucket: bucket.Open(js, topology.Plans)}
}

// Get returns the plan of a key, nil when there is none, and the key's
// revision.
func (s *Shelf) Get(ctx context.Context, key string) (*plan.Plan, uint64, error) {
	e, err := s.bucket.Get(ctx, key)
	if err != nil || !e.Exists() {
		return nil, e.Revision, err
	}
	p, err := decode(key, e.Value)
	return p, e.Revision, err
}

func decode(key string, value []byte) (*plan.Plan, error) {
	p := new(plan.Plan)
	if err := json.Unmarshal(value, p); err != nil {
		return nil, fault.New(fault.Internal, "decode plan", key, err)
	}
	return p, nil
}

// Put stores a plan, nil for none, if the key still has the revision. It fails
// with [fault.Conflict] when it has not.
func (s *Shelf) Put(ctx context.Context, key string, p *plan.Plan, revision uint64) error {
	if p == nil {
		_, err := s.bucket.Delete(ctx, key, revision)
		return err
	}
	value, err := json.Marshal(p)
	if err != nil {
		return fault.New(fault.Internal, "encode plan", key, err)
	}
	_, err = s.bucket.Put(ctx, key, value, revision)
	return err
}

// operation is the header by which nats.go marks the deletes of a bucket.
const operation = "KV-Operation"

// Each visits the plans whose keys begin with a prefix and a dot, all when it
// is empty.
func (s *Shelf) Each(ctx context.Context, prefix string, visit func(*plan.Plan) error) error {
	keys := ">"
	if prefix != "" {
		keys = prefix + ".>"
	}
	stretch := scan.Stretch{
		Stream: topology.BucketStream(topology.Plans), Filters: []string{topology.BucketKey(topology.Plans, keys)},
	}
	return scan.Read(ctx, s.js, stretch, func(m *cursor.Message) error {
		if m.Header.Get(operation) != "" {
			return nil
		}
		p, err := decode(m.Subject, m.Data)
		if err != nil {
			return err
		}
		return visit(p)
	})
}
