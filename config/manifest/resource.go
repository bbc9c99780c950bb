package manifest

import (
	"context"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

// resource is what a document says.
type resource interface {
	decode(v *document.Value) fault.Problems
	// judge takes the resource into a draft.
	judge(owner string, d *draft) (setup.Change, error)
	save(ctx context.Context, owner string, s *store.Store) (setup.Change, error)
}

// entry is a resource of a type, with the use cases that judge and save it.
type entry[T any] struct {
	value T
	put   func(d *draft, owner string, v T) (setup.Change, error)
	keep  func(s *store.Store, ctx context.Context, owner string, v T) (setup.Change, error)
}

func (e *entry[T]) decode(v *document.Value) fault.Problems { return v.Decode(&e.value) }

func (e *entry[T]) judge(owner string, d *draft) (setup.Change, error) {
	return e.put(d, owner, e.value)
}

func (e *entry[T]) save(ctx context.Context, owner string, s *store.Store) (setup.Change, error) {
	return e.keep(s, ctx, owner, e.value)
}

// newResource returns nil for an unknown kind.
func newResource(k Kind) resource {
	switch k {
	case Owner:
		return &entry[owner.Owner]{
			put: func(d *draft, _ string, o owner.Owner) (setup.Change, error) { return d.setup.PutOwner(o) },
			keep: func(s *store.Store, ctx context.Context, _ string, o owner.Owner) (setup.Change, error) {
				return s.PutOwner(ctx, o)
			},
		}
	case ContactType:
		return &entry[account.ContactType]{
			put: func(d *draft, owner string, t account.ContactType) (setup.Change, error) {
				return d.setup.PutContactType(owner, t)
			},
			keep: (*store.Store).PutContactType,
		}
	case Account:
		return &entry[account.Account]{put: (*draft).putAccount, keep: (*store.Store).PutAccount}
	case Contact:
		return &entry[account.ContactDocument]{put: (*draft).putContact, keep: (*store.Store).PutContact}
	case SMTPSettings:
		return referring((*setup.Setup).PutSMTP, (*store.Store).PutSMTP)
	case CannedEmail:
		return referring((*setup.Setup).PutEmail, (*store.Store).PutEmail)
	case Endpoint:
		return referring((*setup.Setup).PutEndpoint, (*store.Store).PutEndpoint)
	case Subscription:
		return referring((*setup.Setup).PutSubscription, (*store.Store).PutSubscription)
	case Queue:
		return referring((*setup.Setup).PutQueue, (*store.Store).PutQueue)
	default:
		return nil
	}
}

// referring returns a resource that is judged on what its draft stands in.
func referring[T any](
	put func(s *setup.Setup, owner string, v T, env setup.Env) (setup.Change, error),
	keep func(s *store.Store, ctx context.Context, owner string, v T) (setup.Change, error),
) resource {
	return &entry[T]{
		put:  func(d *draft, owner string, v T) (setup.Change, error) { return put(d.setup, owner, v, d.env) },
		keep: keep,
	}
}
