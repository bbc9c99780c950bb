package store

import (
	"context"

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
		lists: []string{topology.Emails, topology.Endpoints, topology.Subscriptions},
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
		l.revisions[ref{key.bucket, e.Key}] = e.Revision
		if err := l.setup.Put(key.bucket, key.id, e.Value); err != nil {
			return nil, err
		}
	}
	for _, bucket := range r.lists {
		entries, err := view.List(ctx, bucket)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			_, id := setup.Split(e.Key)
			l.revisions[ref{bucket, e.Key}] = e.Revision
			if err := l.setup.Put(bucket, id, e.Value); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// revision returns that of a key. One that was not read now moved on only when
// another change was made meanwhile, and then the ledger refuses this one.
func (l *loaded) revision(ctx context.Context, view *ledger.View, bucket, key string) (uint64, error) {
	if revision, ok := l.revisions[ref{bucket, key}]; ok {
		return revision, nil
	}
	e, err := view.Get(ctx, bucket, key)
	return e.Revision, err
}
