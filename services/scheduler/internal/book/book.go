// Package book changes plans: every change is decided on the plan as it is,
// and stored only if nobody was faster. It refuses to know why a plan changes.
package book

import (
	"context"

	"github.com/billhook/billhook/services/scheduler/internal/plan"
	"github.com/billhook/billhook/shared/fault"
)

// Shelf stores plans.
type Shelf interface {
	// Get returns the plan of a key, nil when there is none, and the key's
	// revision.
	Get(ctx context.Context, key string) (*plan.Plan, uint64, error)
	// Put stores a plan, nil for none, if the key still has the revision. It
	// fails with [fault.Conflict] when it has not.
	Put(ctx context.Context, key string, p *plan.Plan, revision uint64) error
	// Each visits the plans whose keys begin with a prefix and a dot, all when
	// it is empty.
	Each(ctx context.Context, prefix string, visit func(*plan.Plan) error) error
}

// attempts bounds how often a change is decided anew. Only the cursor's holder
// and the few who fire one plan compete.
const attempts = 20

// Book is the plans.
type Book struct{ shelf Shelf }

// New returns the book of a shelf.
func New(s Shelf) *Book { return &Book{shelf: s} }

// Get returns a plan, nil when there is none.
func (b *Book) Get(ctx context.Context, key string) (*plan.Plan, error) {
	p, _, err := b.shelf.Get(ctx, key)
	return p, err
}

// Each visits the plans whose keys begin with a prefix and a dot, all when it
// is empty.
func (b *Book) Each(ctx context.Context, prefix string, visit func(*plan.Plan) error) error {
	return b.shelf.Each(ctx, prefix, visit)
}

// Decide returns what becomes of a plan, which is nil when there is none, and
// whether that is a change. It may be called several times.
type Decide func(old *plan.Plan) (next plan.Plan, changed bool)

// Change changes a plan and returns it as it then stands.
func (b *Book) Change(ctx context.Context, key string, decide Decide) (p plan.Plan, changed bool, err error) {
	for range attempts {
		old, revision, err := b.shelf.Get(ctx, key)
		if err != nil {
			return plan.Plan{}, false, err
		}
		next, changed := decide(old)
		if !changed {
			return next, false, nil
		}
		err = b.shelf.Put(ctx, key, &next, revision)
		if fault.KindOf(err) == fault.Conflict {
			continue
		}
		return next, err == nil, err
	}
	return plan.Plan{}, false, fault.New(fault.Conflict, "change plan", key, nil)
}

// Forget removes a plan that has not changed since it was read.
func (b *Book) Forget(ctx context.Context, p *plan.Plan) error {
	now, revision, err := b.shelf.Get(ctx, p.Key())
	if err != nil || now == nil || now.State != p.State || now.Seq != p.Seq {
		return err
	}
	err = b.shelf.Put(ctx, p.Key(), nil, revision)
	if fault.KindOf(err) == fault.Conflict {
		return nil
	}
	return err
}
