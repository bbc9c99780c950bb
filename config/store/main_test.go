package store_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a server with what a store needs.
type bench struct {
	srv    *natstest.Server
	js     jetstream.JetStream
	sealer *secret.Sealer
	deps   store.Deps
}

// start runs a server that has the owner acme.
func start(t *testing.T) (*bench, *store.Store) {
	t.Helper()
	b := &bench{srv: natstest.Start(t)}
	b.js = b.srv.JetStream(t)
	for _, c := range slices.Concat(topology.Buckets(topology.Defaults()), topology.Streams(topology.Defaults())) {
		written := c.Name == topology.Events || c.Name == topology.Outcomes || c.Name == topology.Audit
		if !written && !strings.HasPrefix(c.Name, topology.BucketStream("")) {
			continue // not written here
		}
		if _, err := b.js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	b.sealer = secrettest.Sealer(t)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	b.deps = store.Deps{
		JetStream: b.js, Catalogue: catalogue, Mail: &guard.Policy{}, Sealer: b.sealer, Rand: rand.Reader, Now: time.Now,
	}
	s := store.New(b.deps)
	must(t)(s.PutOwner(t.Context(), owner.Owner{ID: "acme", Name: "Acme", TimeZone: "Europe/Paris"}))
	return b, s
}

// another is a store of another process on the same server.
func (b *bench) another(t *testing.T) *store.Store {
	d := b.deps
	d.JetStream = b.srv.JetStream(t)
	return store.New(d)
}

func must(t *testing.T) func(setup.Change, error) setup.Change {
	return func(c setup.Change, err error) setup.Change {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// refused wants a kind and, for rules, the pointer and the rule of some
// problem.
func refused(t *testing.T, err error, kind fault.Kind, pointerAndRule ...string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("err = %v, want kind %s", err, kind)
	}
	if len(pointerAndRule) == 0 {
		return
	}
	for _, p := range fault.ProblemsOf(err) {
		if p.Pointer == pointerAndRule[0] && p.Rule == pointerAndRule[1] {
			return
		}
	}
	t.Fatalf("err = %v, want %v", err, pointerAndRule)
}

func mail(id string) smtp.Document {
	return smtp.Document{Spec: smtp.Spec{ID: id, Name: id, Host: "mail.example.com", FromAddress: "billing@example.com"}}
}

func canned(id string) email.Spec {
	return email.Spec{
		ID: id, Name: id, Subject: "Hello", Text: "Hello",
		To: []email.Recipient{{Address: "someone@example.org"}},
	}
}

func hook(id string) endpoint.Document {
	return endpoint.Document{Spec: endpoint.Spec{ID: id, Name: id, URL: "https://hooks.example.com/in"}}
}

func webhook(id, endpointID string) subscription.Spec {
	return subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook,
		Webhook: &subscription.Webhook{Endpoint: endpointID},
	}
}

func emailing(id, cannedID string) subscription.Spec {
	return subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Email,
		Email: &subscription.Email{CannedEmail: cannedID},
	}
}

func types(t *testing.T, s *store.Store, ids ...string) {
	t.Helper()
	for _, id := range ids {
		must(t)(s.PutContactType(t.Context(), "acme", account.ContactType{ID: id, Name: id, Base: account.Billing}))
	}
}

func name(prefix string, n int) string { return fmt.Sprintf("%s%d", prefix, n) }
