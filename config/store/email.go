package store

import (
	"context"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// PutEmail creates or replaces a canned email.
func (s *Store) PutEmail(ctx context.Context, owner string, e email.Spec) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: e.ID,
		reads: reads{
			keys:  append(own(topology.Owners, topology.ContactTypes, topology.SMTP), ref{topology.Emails, e.ID}),
			lists: []string{topology.Subscriptions},
		},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutEmail(owner, e, on.env)
		},
	})
}

// DeleteEmail deletes a canned email that no subscription uses.
func (s *Store) DeleteEmail(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		reads: reads{keys: []ref{{topology.Emails, id}}, lists: []string{topology.Subscriptions}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.DeleteEmail(owner, id)
		},
	})
}
