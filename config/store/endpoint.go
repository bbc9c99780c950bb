package store

import (
	"context"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// PutEndpoint creates or replaces an endpoint. The change of a creation holds
// the signing secret, which nothing gives again.
func (s *Store) PutEndpoint(ctx context.Context, owner string, e endpoint.Spec) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: e.ID,
		reads: reads{keys: append(own(topology.Owners), ref{topology.Endpoints, e.ID})},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutEndpoint(owner, e, on.env)
		},
	})
}

// DeleteEndpoint deletes an endpoint that no subscription uses.
func (s *Store) DeleteEndpoint(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		reads: reads{keys: []ref{{topology.Endpoints, id}}, lists: []string{topology.Subscriptions}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.DeleteEndpoint(owner, id)
		},
	})
}
