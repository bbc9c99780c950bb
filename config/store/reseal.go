package store

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// Seal is a stored secret, seen from outside.
type Seal struct {
	Owner string
	Place secret.Place
	// Key names the key that sealed it, as [secret.Key.ID] does.
	Key string
	// Err says why it does not open; nil where it does.
	Err error
}

// Seals returns every stored secret of every owner, and tries to open each.
func (s *Store) Seals(ctx context.Context) ([]Seal, error) {
	var out []Seal
	return out, s.eachOwner(ctx, func(owner string) error {
		holders, err := s.holders(ctx, owner)
		if err != nil {
			return err
		}
		for _, h := range holders {
			_, err := h.each(func(place secret.Place, sealed secret.Sealed) secret.Sealed {
				_, err := s.deps.Sealer.Open(place, sealed)
				out = append(out, Seal{Owner: owner, Place: place, Key: sealed.KeyID(), Err: err})
				return sealed
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Settle has every change that another process decided with former sealing
// keys be decided anew: what is stored afterwards is sealed with the newest.
func (s *Store) Settle(ctx context.Context) error {
	return s.eachOwner(ctx, func(owner string) error { return s.fence(ctx, owner) })
}

// Reseal seals every stored secret with the newest key, owner by owner, while
// all goes on, and returns how many it sealed. What does not open stays as it
// is. It may be cut off anywhere and begun again.
func (s *Store) Reseal(ctx context.Context) (renewed int, err error) {
	return renewed, s.eachOwner(ctx, func(owner string) error {
		if err := s.fence(ctx, owner); err != nil {
			return err
		}
		holders, err := s.holders(ctx, owner)
		if err != nil {
			return err
		}
		for _, h := range holders {
			err := patiently(func() error {
				n, err := s.reseal(ctx, h)
				renewed += n
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) fence(ctx context.Context, owner string) error {
	return patiently(func() error { return s.ledger.Fence(ctx, owner) })
}

// patiently goes on where others write so much that the ledger gives up.
func patiently(try func() error) error {
	for {
		if err := try(); fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
}

// reseal seals what one key holds. The resource and its revision stay as they
// are: nothing of it changes.
func (s *Store) reseal(ctx context.Context, h holder) (renewed int, err error) {
	_, err = s.ledger.Change(ctx, h.owner, func(ctx context.Context, view *ledger.View) (*ledger.Write, error) {
		renewed = 0
		var err, failure error
		if h.entry, err = view.Get(ctx, h.bucket, h.entry.Key); err != nil || !h.entry.Exists() {
			return nil, err
		}
		value, err := h.each(func(place secret.Place, sealed secret.Sealed) secret.Sealed {
			next, err := s.deps.Sealer.Renew(place, sealed)
			if next != sealed {
				renewed++
			}
			if !unopened(err) {
				failure = errors.Join(failure, err)
			}
			return next
		})
		if err = errors.Join(err, failure); err != nil || renewed == 0 {
			return nil, err
		}
		return &ledger.Write{Bucket: h.bucket, Key: h.entry.Key, Value: value, Expect: h.entry.Revision}, nil
	})
	if err != nil {
		return 0, err
	}
	return renewed, nil
}

// unopened reports whether an error says that a sealed text does not open.
func unopened(err error) bool {
	return errors.Is(err, secret.ErrUnknownKey) || errors.Is(err, secret.ErrRefused) || errors.Is(err, secret.ErrMalformed)
}

func (s *Store) eachOwner(ctx context.Context, do func(owner string) error) error {
	owners, err := s.ledger.Owners(ctx)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if err := do(owner); err != nil {
			return err
		}
	}
	return nil
}

// holder is a key whose value may hold secrets.
type holder struct {
	owner, bucket string
	entry         bucket.Entry
}

// holders returns all of an owner's. No other bucket and no stream holds a
// sealed text.
func (s *Store) holders(ctx context.Context, owner string) ([]holder, error) {
	view, err := s.ledger.View(ctx, owner)
	if err != nil {
		return nil, err
	}
	var out []holder
	book, err := view.Get(ctx, topology.SMTP, setup.Key(owner, ""))
	if err != nil {
		return nil, err
	}
	if book.Exists() {
		out = append(out, holder{owner, topology.SMTP, book})
	}
	endpoints, err := view.List(ctx, topology.Endpoints)
	if err != nil {
		return nil, err
	}
	for _, e := range endpoints {
		out = append(out, holder{owner, topology.Endpoints, e})
	}
	return out, nil
}

// each calls do with everything that is sealed in the value, and returns the
// value with what do returns.
func (h holder) each(do func(secret.Place, secret.Sealed) secret.Sealed) ([]byte, error) {
	var v interface {
		EachSealed(owner string, do func(secret.Place, secret.Sealed) secret.Sealed)
	} = new(smtp.Book)
	if h.bucket == topology.Endpoints {
		v = new(endpoint.Endpoint)
	}
	if err := json.Unmarshal(h.entry.Value, v); err != nil {
		return nil, fault.New(fault.Internal, "decode "+h.bucket, h.entry.Key, err)
	}
	v.EachSealed(h.owner, do)
	value, err := json.Marshal(v)
	if err != nil {
		return nil, fault.New(fault.Internal, "encode "+h.bucket, h.entry.Key, err)
	}
	return value, nil
}
