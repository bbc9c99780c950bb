// Package zones finds the time zone in which a delivery is reckoned: the
// account's, else the owner's. It refuses to guess one.
package zones

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/tokens"
)

// ErrNone is returned where neither the account nor the owner has a zone, or
// where the one that they have does not exist. No repetition mends that.
var ErrNone = errors.New("no time zone")

// Accounts reads accounts.
type Accounts interface {
	// Get fails with [fault.NotFound] when there is no such account.
	Get(ctx context.Context, owner, id string) (*account.Account, error)
}

// Owners knows the owners.
type Owners interface {
	// TimeZone returns the zone of an owner, "" when it has none or is gone.
	TimeZone(ctx context.Context, owner string) (string, error)
}

// Zones finds time zones. It may be used by many goroutines.
type Zones struct {
	accounts Accounts
	owners   Owners
	loaded   sync.Map // name to *time.Location
}

// New returns zones by these accounts and owners.
func New(a Accounts, o Owners) *Zones { return &Zones{accounts: a, owners: o} }

// Of returns the zone of the account that an event concerns: as the account is
// now, else as the event says, else the owner's.
func (z *Zones) Of(ctx context.Context, e *event.Event) (*time.Location, error) {
	name, err := z.name(ctx, e)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, fmt.Errorf("%w: neither account %q nor owner %q has one", ErrNone, e.Account, e.Owner)
	}
	return z.load(name)
}

func (z *Zones) name(ctx context.Context, e *event.Event) (string, error) {
	if e.Account != "" {
		a, err := z.accounts.Get(ctx, e.Owner, e.Account)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return "", err
		}
		if err == nil && a.TimeZone != "" {
			return a.TimeZone, nil
		}
	}
	if name := e.Data.Text("Account.TimeZone"); name != "" {
		return name, nil
	}
	return z.owners.TimeZone(ctx, e.Owner)
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
