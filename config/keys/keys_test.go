package keys_test

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/keys"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) (*store.Store, *keys.Keys) {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	s := store.New(store.Deps{JetStream: js, Rand: rand.Reader, Now: time.Now})
	for _, id := range []string{"acme", "other"} {
		if _, err := s.PutOwner(t.Context(), owner.Owner{ID: id, Name: id}); err != nil {
			t.Fatal(err)
		}
	}
	k, err := keys.Open(t.Context(), keys.Settings{JetStream: js, Now: time.Now, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return s, k
}

func TestAKeyTellsItsOwnerAndRole(t *testing.T) {
	s, k := start(t)
	made, text, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Publisher, Name: "billing"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Authenticate(t.Context(), "acme", text)
	if err != nil || got.Owner != "acme" || got.Role != apikey.Publisher || got.ID != made.ID {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestEveryWrongKeyIsDeniedInTheSameWords(t *testing.T) {
	s, k := start(t)
	_, good, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Admin})
	if err != nil {
		t.Fatal(err)
	}
	text := good.Reveal()
	_, foreign, err := s.CreateKey(t.Context(), "other", apikey.Key{Role: apikey.Admin})
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for what, try := range map[string][2]string{
		"empty":               {"acme", ""},
		"no form":             {"acme", "secret"},
		"last character":      {"acme", text[:len(text)-1] + string(text[len(text)-1]^1)},
		"unknown id":          {"acme", strings.Replace(text, text[4:20], "0123456789abcdef", 1)},
		"another owner's":     {"acme", foreign.Reveal()},
		"for another owner":   {"other", text},
		"for no owner":        {"nobody", text},
		"for a wildcard":      {">", text},
		"upper-case id":       {"acme", strings.Replace(text, text[4:20], strings.ToUpper(text[4:20]), 1) + "x"},
		"id that is a path":   {"acme", "bhk_a.b_" + text[21:]},
		"with something more": {"acme", text + "x"},
	} {
		_, err := k.Authenticate(t.Context(), try[0], secret.NewText(try[1]))
		if fault.KindOf(err) != fault.Denied {
			t.Errorf("%s: %v", what, err)
			continue
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("denials differ: %v", said)
	}
}

func TestARevokedKeyStopsWorking(t *testing.T) {
	s, k := start(t)
	made, text, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: apikey.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Authenticate(t.Context(), "acme", text); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), "acme", made.ID); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := k.Authenticate(ctx, "acme", text); fault.KindOf(err) == fault.Denied {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("the revoked key works for 5 s")
		}
	}
}

func TestAKeyNeedsARoleAndAnOwner(t *testing.T) {
	s, _ := start(t)
	if _, _, err := s.CreateKey(t.Context(), "acme", apikey.Key{Role: "root"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("err = %v", err)
	}
	if _, _, err := s.CreateKey(t.Context(), "nobody", apikey.Key{Role: apikey.Admin}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("err = %v", err)
	}
	if err := s.RevokeKey(t.Context(), "acme", "0123456789abcdef"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("err = %v", err)
	}
}
