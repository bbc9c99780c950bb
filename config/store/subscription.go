package store

import (
	"context"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// PutSubscription creates or replaces a subscription: it gets every event that
// is accepted after this returns, and the former version every event that was
// accepted before this was called. A new one may begin in the past.
func (s *Store) PutSubscription(ctx context.Context, owner string, spec subscription.Spec) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: spec.ID, moment: true, start: spec.Start, reads: referenced(&spec),
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.PutSubscription(owner, spec, on.env)
		},
	})
}

// referenced is what a subscription names. What is no id is not looked for and
// so does not exist.
func referenced(spec *subscription.Spec) reads {
	keys := append(own(topology.Owners, topology.ContactTypes), ref{topology.Subscriptions, spec.ID})
	if w := spec.Webhook; w != nil && id.Valid(w.Endpoint) {
		keys = append(keys, ref{topology.Endpoints, w.Endpoint})
	}
	if e := spec.Email; e != nil && id.Valid(e.CannedEmail) {
		keys = append(keys, ref{topology.Emails, e.CannedEmail})
	}
	return reads{keys: keys}
}

// Subscription returns a subscription that is not deleted. It fails with
// [fault.NotFound].
func (s *Store) Subscription(ctx context.Context, at control.Place) (*subscription.Subscription, error) {
	if err := checkIDs(job{owner: at.Owner, id: at.Subscription}); err != nil {
		return nil, err
	}
	view, err := s.ledger.View(ctx, at.Owner)
	if err != nil {
		return nil, err
	}
	l, err := load(ctx, view, at.Owner, reads{keys: []ref{{topology.Subscriptions, at.Subscription}}})
	if err != nil {
		return nil, err
	}
	sub, ok := l.setup.Subscriptions[at.Subscription]
	if !ok || sub.Deleted {
		return nil, fault.New(fault.NotFound, "find subscription", at.Subscription, nil)
	}
	return sub, nil
}

// DeleteSubscription ends a subscription. What was accepted before is still
// delivered.
func (s *Store) DeleteSubscription(ctx context.Context, owner, id string) (setup.Change, error) {
	return s.run(ctx, job{
		owner: owner, id: id, moment: true, reads: reads{keys: []ref{{topology.Subscriptions, id}}},
		judge: func(_ context.Context, on *occasion) (setup.Change, error) {
			return on.setup.DeleteSubscription(owner, id, on.env)
		},
	})
}

// Prune removes what is left of subscriptions that were deleted long ago. It
// is to be called once in a while.
func (s *Store) Prune(ctx context.Context) error {
	owners, err := s.Owners(ctx)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if err := s.pruneOwner(ctx, owner); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) pruneOwner(ctx context.Context, owner string) error {
	st, err := s.setup(ctx, owner)
	if err != nil {
		return err
	}
	for _, sub := range st.Subscriptions {
		if !sub.Deleted {
			continue
		}
		_, err := s.run(ctx, job{
			owner: owner, id: sub.ID, verb: "forget", reads: reads{keys: []ref{{topology.Subscriptions, sub.ID}}},
			judge: func(_ context.Context, on *occasion) (setup.Change, error) {
				return on.setup.PruneSubscription(owner, sub.ID, on.env)
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
