package zones

import (
	"context"
	"errors"
	"testing"
	_ "time/tzdata" // the zones must not depend on the machine
)

// known is accounts' and owners' zones.
type known struct {
	account, owner       string
	accountErr, ownerErr error
	asked                int
}

func (k *known) Account(context.Context, string, string) (string, error) {
	k.asked++
	return k.account, k.accountErr
}

func (k *known) Owner(context.Context, string) (string, error) {
	k.asked++
	return k.owner, k.ownerErr
}

var errDown = errors.New("cannot be read")

func TestTheAccountsZoneCountsElseTheOwners(t *testing.T) {
	for _, c := range []struct {
		rule  string
		known known
		said  string
		want  string // "" for none, "?" for unknown now
	}{
		{"the account's", known{account: "Europe/Paris", owner: "UTC"}, "Asia/Tokyo", "Europe/Paris"},
		{"an account without one: the event's", known{owner: "UTC"}, "Asia/Tokyo", "Asia/Tokyo"},
		{"else the owner's", known{owner: "America/Lima"}, "", "America/Lima"},
		{"nobody has one", known{}, "", ""},
		{"one that does not exist", known{account: "Mars/Base"}, "", ""},
		{"the machine's is nobody's", known{account: "Local"}, "", ""},
		{"accounts cannot be read", known{accountErr: errDown, owner: "UTC"}, "", "?"},
		{"owners cannot be read", known{ownerErr: errDown}, "", "?"},
	} {
		zone, err := New(&c.known).Of(t.Context(), Subject{Owner: "acme", Account: "a1", Said: c.said})
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

func TestAPassAsksForEachZoneOnceAndAgainAfterAFailure(t *testing.T) {
	k := &known{owner: "UTC", ownerErr: errDown}
	pass := New(k).Remembering()
	if _, err := pass.Of(t.Context(), Subject{Owner: "acme"}); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	k.ownerErr = nil
	for range 3 {
		if zone, err := pass.Of(t.Context(), Subject{Owner: "acme"}); err != nil || zone.String() != "UTC" {
			t.Fatal(zone, err)
		}
	}
	if k.asked != 2 {
		t.Errorf("asked %d times", k.asked)
	}
}
