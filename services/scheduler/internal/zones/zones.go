// Package zones finds the time zone in which a delivery is reckoned: the
// account's, else what the delivery said, else the owner's. It refuses to guess
// one.
package zones

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/billhook/billhook/tokens"
)

// ErrNone is returned where neither the account nor the owner has a zone, or
// where the one that they have does not exist. No repetition mends that.
var ErrNone = errors.New("no time zone")

// Names knows the zones that are configured, as they are at this moment: one
// that was read before a change was stored is not an answer.
type Names interface {
	// Account returns the zone of an account, "" when it has none or is not
	// known.
	Account(ctx context.Context, owner, account string) (string, error)
	// Owner returns the zone of an owner, "" when it has none or is gone.
	Owner(ctx context.Context, owner string) (string, error)
}

// Subject is what a zone is wanted for.
type Subject struct {
	Owner, Account string
	// Said is the zone that the delivery itself gave, if any.
	Said string
}

// Zones finds time zones. It may be used by many goroutines.
type Zones struct {
	names  Names
	loaded *sync.Map // name to *time.Location
}

// New returns zones by these names.
func New(n Names) *Zones { return &Zones{names: n, loaded: new(sync.Map)} }

// Of returns the zone of a subject.
func (z *Zones) Of(ctx context.Context, s Subject) (*time.Location, error) {
	name, err := z.name(ctx, s)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("%w: neither account %q nor owner %q has one", ErrNone, s.Account, s.Owner)
	}
	return z.load(name)
}

func (z *Zones) name(ctx context.Context, s Subject) (string, error) {
	if s.Account != "" {
		if name, err := z.names.Account(ctx, s.Owner, s.Account); err != nil || name != "" {
			return name, err
		}
	}
	if s.Said != "" {
		return s.Said, nil
	}
	return z.names.Owner(ctx, s.Owner)
}

// load reads a zone once.
func (z *Zones) load(name string) (*time.Location, error) {
	if l, ok := z.loaded.Load(name); ok {
		return l.(*time.Location), nil
	}
	l, err := time.LoadLocation(name)
	if err != nil || !tokens.ValidZone(name) {
		return nil, fmt.Errorf("%w: %q is none", ErrNone, name)
	}
	z.loaded.Store(name, l)
	return l, nil
}
