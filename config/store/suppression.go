package store

import (
	"context"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/audit"
	"github.com/billhook/billhook/streams/topology"
)

// Suppress puts an address on an owner's list of those that get no emails but
// what is owed to them, and reports whether it was not there before. Who had it
// put there is on record.
func (s *Store) Suppress(ctx context.Context, owner, addr string) (suppression.Entry, bool, error) {
	list := suppression.Open(s.deps.JetStream)
	e, err := list.Get(ctx, owner, addr)
	if fault.KindOf(err) != fault.NotFound {
		return e, false, err
	}
	mark, err := s.recipient(owner, addr)
	if err != nil {
		return e, false, err
	}
	deed := Deed{Owner: owner, Verb: string(access.Create), Resource: access.Suppressions}
	if err := s.keep(ctx, deed, audit.Entry{After: mark}); err != nil {
		return e, false, err
	}
	added, err := list.Add(ctx, owner, suppression.Entry{Address: addr, By: suppression.Operator, Since: s.deps.Now().UTC()})
	if err != nil {
		return e, false, err
	}
	e, err = list.Get(ctx, owner, addr)
	return e, added, err
}

// Unsuppress takes an address off the list, because its reader asks for that,
// and reports whether it was there.
func (s *Store) Unsuppress(ctx context.Context, owner, addr string) (bool, error) {
	list := suppression.Open(s.deps.JetStream)
	if there, err := list.Has(ctx, owner, addr); err != nil || !there {
		return false, err
	}
	mark, err := s.recipient(owner, addr)
	if err != nil {
		return false, err
	}
	deed := Deed{Owner: owner, Verb: string(access.Delete), Resource: access.Suppressions}
	if err := s.keep(ctx, deed, audit.Entry{Before: mark}); err != nil {
		return false, err
	}
	return list.Remove(ctx, owner, addr)
}

// recipient is the mark by which an address is on record: it tells entries about
// the same one, and nobody what it is.
func (s *Store) recipient(owner, addr string) (string, error) {
	normal, err := suppression.Normal(addr)
	if err != nil {
		return "", err
	}
	return s.deps.Sealer.Mark(secret.Place{Bucket: topology.Suppressions, Key: owner}, []byte(normal))
}
