package store

import (
	"context"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/streams/topology"
)

// reads says which part of a Setup a change is judged on.
type reads struct {
	// keys are ids by bucket; "" is the owner's own key.
	keys []ref
	// lists are buckets of which everything is needed.
	lists []string
}

type ref struct{ bucket, id string }

// own lists owner-wide keys.
func own(buckets ...string) []ref {
	refs := make([]ref, len(buckets))
	for i, b := range buckets {
		refs[i] = ref{bucket: b}
	}
	return refs
}

// everything is all of a Setup.
func everything() reads {
	return reads{
		keys:  own(topology.Owners, topology.ContactTypes, topology.SMTP),
		lists: []string{topology.Emails, topology.Endpoints, topology.Subscriptions, topology.Queues},
	}
}

// loaded is a part of a Setup with the revisions it was read at.
type loaded struct {
	setup     setup.Setup
	revisions map[ref]uint64
}

func load(ctx context.Context, view *ledger.View, owner string, r reads) (*loaded, error) {
	l := &loaded{revisions: map[ref]uint64{}}
	for _, key := range r.keys {
		e, err := view.Get(ctx, key.bucket, setup.Key(owner, key.id))
		if err != nil {
			return nil, err
		}
		if err := l.take(ref{key.bucket, key.id}, e); err != nil {
			return nil, err
		}
	}
	for _, list := range r.lists {
		entries, err := view.List(ctx, list)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			_, id := setup.Split(e.Key)
			if err := l.take(ref{list, id}, e); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// take puts a value into the setup. A subscription learns where it is stored:
// when a version of it ends, that is where the version was stored.
func (l *loaded) take(r ref, e bucket.Entry) error {
	l.revisions[ref{r.bucket, e.Key}] = e.Revision
	if err := l.setup.Put(r.bucket, r.id, e.Value); err != nil {
		return err
	}
	if sub := l.setup.Subscriptions[r.id]; r.bucket == topology.Subscriptions && sub != nil {
		sub.Stored = e.Revision
	}
	return nil
}

// revision returns that of a key. One that was not read now moved on only when
// another change was made meanwhile, and then the ledger refuses this one.
func (l *loaded) revision(ctx context.Context, view *ledger.View, name, key string) (uint64, error) {
	if revision, ok := l.revisions[ref{name, key}]; ok {
		return revision, nil
	}
	e, err := view.Get(ctx, name, key)
	return e.Revision, err
}
