package store

import (
	"context"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// PutEndpoint creates or replaces an endpoint. The change of a creation holds
// the signing secret, which nothing gives again.
func (s *Store) PutEndpoint(ctx context.Context, owner string, e endpoint.Document) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: e.ID,
		reads: reads{keys: append(own(topology.Owners), ref{topology.Endpoints, e.ID}), lists: headerUsers(&e)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutEndpoint(owner, e, on.env)
		},
	})
}

// headerUsers is what may use a header that an endpoint sets; nothing where it
// sets none.
func headerUsers(e *endpoint.Document) []string {
	if len(e.Headers) > 0 || e.Auth != nil && e.Auth.Header != "" {
		return []string{topology.Subscriptions}
	}
	return nil
}

// RotateSecret gives an endpoint a new signing secret; the former ones end after
// the overlap. The change holds the new one, which nothing gives again.
func (s *Store) RotateSecret(ctx context.Context, owner, id string, overlap time.Duration) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id, verb: "rotate-secret", reads: reads{keys: []ref{{topology.Endpoints, id}}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.RotateSecret(owner, id, overlap, on.env)
		},
	})
}

// DeleteEndpoint deletes an endpoint that no subscription uses and no valid API
// key is bound to: whoever has it would reach a later endpoint of that id.
func (s *Store) DeleteEndpoint(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		reads: reads{keys: []ref{{topology.Endpoints, id}}, lists: []string{topology.Subscriptions}},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			users, err := boundTo(ctx, on, bound{access.Endpoints, id})
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteEndpoint(owner, id, users)
		},
	})
}
