// Package accounts reads accounts by key and remembers those asked for lately:
// there are too many to watch. It refuses to change them.
package accounts

import (
	"context"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/recent"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/streams/topology"
)

// DefaultSize is the number of accounts remembered when none is given. An
// account takes about 2 KiB.
const DefaultSize = 10_000

// maxAge is a second line: the watch brings changes within milliseconds.
const maxAge = time.Minute

// Settings says how accounts are read.
type Settings struct {
	JetStream jetstream.JetStream
	// Size is the greatest number of accounts remembered; 0 means
	// [DefaultSize].
	Size   int
	Now    func() time.Time
	Logger zerolog.Logger
}

// Accounts reads accounts. It may be used by many goroutines.
type Accounts struct {
	table *recent.Table[*account.Account]
}

// Open returns accounts that are kept fresh until [Accounts.Close]. ctx bounds
// the beginning only.
func Open(ctx context.Context, s Settings) (*Accounts, error) {
	if s.Size == 0 {
		s.Size = DefaultSize
	}
	t, err := recent.Open(ctx, recent.Settings{
		JetStream: s.JetStream, Bucket: topology.Accounts, Size: s.Size, MaxAge: maxAge, Now: s.Now, Logger: s.Logger,
	}, decode)
	if err != nil {
		return nil, err
	}
	return &Accounts{table: t}, nil
}

func decode(key string, value []byte) (*account.Account, error) {
	a := new(account.Account)
	if err := json.Unmarshal(value, a); err != nil {
		return nil, fault.New(fault.Internal, "decode account", key, err)
	}
	return a, nil
}

// Close ends the watch and waits for its goroutine.
func (a *Accounts) Close() { a.table.Close() }

// Get returns an account, which is shared and must not be changed. It fails
// with [fault.NotFound] when there is none.
func (a *Accounts) Get(ctx context.Context, owner, accountID string) (*account.Account, error) {
	if !id.Valid(owner) || !id.Valid(accountID) {
		return nil, notFound(accountID) // a wildcard would find somebody
	}
	found, ok, err := a.table.Get(ctx, setup.Key(owner, accountID))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(accountID)
	}
	return found, nil
}

func notFound(accountID string) error {
	return fault.New(fault.NotFound, "find account", accountID, nil)
}
