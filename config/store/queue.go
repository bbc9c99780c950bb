package store

import (
	"context"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// PutQueue creates or replaces a queue: a new one holds every event of its own
// that is accepted after this returns. It may begin in the past.
func (s *Store) PutQueue(ctx context.Context, owner string, spec queue.Spec) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: spec.ID, moment: true, start: spec.Start,
		reads: reads{keys: append(own(topology.Owners), ref{topology.Queues, spec.ID})},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutQueue(owner, spec, on.env)
		},
	})
}

// FindQueue returns a queue.
func (s *Store) FindQueue(ctx context.Context, owner, id string) (Found[queue.Spec], error) {
	return find(ctx, s, one(topology.Queues, owner, id), func(st *setup.Setup) (queue.Spec, bool) {
		q, ok := st.Queues[id]
		if !ok {
			return queue.Spec{}, false
		}
		return q.Spec, true
	})
}

// DeleteQueue deletes a queue that no valid API key is bound to: whoever has it
// would read a later queue of that id.
func (s *Store) DeleteQueue(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id, reads: reads{keys: []ref{{topology.Queues, id}}},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			users, err := boundTo(ctx, on, bound{access.Queues, id})
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.DeleteQueue(owner, id, users)
		},
	})
}
