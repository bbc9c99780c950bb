package zones

import (
	"context"
	"errors"
	"testing"
	_ "time/tzdata" // the zones must not depend on the machine

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
)

// known is accounts' and owners' zones.
type known struct {
	account, owner string
	accountErr     error
	ownerErr       error
}

func (k known) Get(context.Context, string, string) (*account.Account, error) {
	return &account.Account{TimeZone: k.account}, k.accountErr
}

func (k known) TimeZone(context.Context, string) (string, error) { return k.owner, k.ownerErr }

func TestTheAccountsZoneCountsElseTheOwners(t *testing.T) {
	missing := fault.New(fault.NotFound, "find account", "a1", nil)
	down := fault.New(fault.Unavailable, "read", "accounts", nil)
	said := event.Values{"Account.TimeZone": event.Str("Asia/Tokyo")}
	for _, c := range []struct {
		rule  string
		known known
		data  event.Values
		want  string // "" for none, "?" for unknown now
	}{
		{"the account's", known{account: "Europe/Paris", owner: "UTC"}, said, "Europe/Paris"},
		{"an account without one: the event's", known{owner: "UTC"}, said, "Asia/Tokyo"},
		{"an unknown account: the event's", known{accountErr: missing, owner: "UTC"}, said, "Asia/Tokyo"},
		{"else the owner's", known{accountErr: missing, owner: "America/Lima"}, nil, "America/Lima"},
		{"nobody has one", known{}, nil, ""},
		{"one that does not exist", known{account: "Mars/Base"}, nil, ""},
		{"the machine's is nobody's", known{account: "Local"}, nil, ""},
		{"accounts cannot be read", known{accountErr: down, owner: "UTC"}, nil, "?"},
		{"owners cannot be read", known{ownerErr: down}, nil, "?"},
	} {
		z := New(c.known, c.known)
		zone, err := z.Of(t.Context(), &event.Event{Owner: "acme", Account: "a1", Data: c.data})
		got := "?"
		switch {
		case err == nil:
			got = zone.String()
		case errors.Is(err, ErrNone):
			got = ""
		}
		if got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.rule, got, err, c.want)
		}
	}
}
