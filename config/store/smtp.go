package store

import (
	"context"

	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/streams/topology"
)

// PutSMTP creates or replaces SMTP settings. The first ones become the owner's
// default.
func (s *Store) PutSMTP(ctx context.Context, owner string, d smtp.Document) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: d.ID, reads: reads{keys: own(topology.Owners, topology.SMTP)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutSMTP(owner, d, on.env)
		},
	})
}

// SetDefaultSMTP makes existing SMTP settings the owner's default.
func (s *Store) SetDefaultSMTP(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id, reads: reads{keys: own(topology.SMTP)},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.SetDefaultSMTP(owner, id)
		},
	})
}

// DeleteSMTP deletes SMTP settings that no canned email uses and that are not
// the default, unless they are the last ones.
func (s *Store) DeleteSMTP(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id,
		reads: reads{keys: own(topology.SMTP), lists: []string{topology.Emails}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.DeleteSMTP(owner, id)
		},
	})
}
