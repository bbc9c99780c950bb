package accounts_test

import (
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/accounts"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAccountIsFoundUnderItsOwnerOnly(t *testing.T) {
	js := topologytest.JetStream(t, topologytest.WithPartitions(1))
	sealer := secrettest.Sealer(t)
	s := store.New(store.Deps{JetStream: js, Sealer: sealer, Now: time.Now})
	if _, err := s.PutOwner(t.Context(), owner.Owner{ID: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	a, err := accounts.Open(t.Context(), accounts.Settings{JetStream: js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if _, err := s.PutAccount(t.Context(), "acme", account.Account{ID: "A-1", Name: "Northwind"}); err != nil {
		t.Fatal(err)
	}
	got, err := a.Get(t.Context(), "acme", "A-1")
	if err != nil || got.Name != "Northwind" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := a.Get(t.Context(), "other", "A-1"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another owner's account: %v", err)
	}
	for _, id := range []string{"A-2", "*", ">", "", "A-1.x"} {
		if _, err := a.Get(t.Context(), "acme", id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("account %q: %v", id, err)
		}
	}
}
