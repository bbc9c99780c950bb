package target

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deposit is where the configuration of a test goes.
type deposit struct {
	*store.Store
	t *testing.T
}

func (d deposit) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// pair makes an endpoint and a subscription to it.
func (d deposit) pair(id string) {
	d.t.Helper()
	_, err := d.PutEndpoint(d.t.Context(), "acme", endpoint.Document{Spec: endpoint.Spec{ID: id, Name: id, URL: "https://hooks.example.com/" + id}})
	d.must(err)
	_, err = d.PutSubscription(d.t.Context(), "acme", subscription.Spec{
		ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook, Webhook: &subscription.Webhook{Endpoint: id},
	})
	d.must(err)
}

// book returns a book of what is deposited.
func book(t *testing.T) (*Book, deposit) {
	t.Helper()
	d := deposit{t: t}
	js := topologytest.JetStream(t)
	catalogue, err := tokens.Load()
	d.must(err)
	sealer := secrettest.Sealer(t)
	d.Store = store.New(store.Deps{JetStream: js, Catalogue: catalogue, Mail: &guard.Policy{}, Sealer: sealer, Rand: rand.Reader, Now: time.Now})
	_, err = d.PutOwner(t.Context(), owner.Owner{ID: "acme", Name: "Acme Ltd", TimeZone: "Europe/Paris"})
	d.must(err)
	dir, err := directory.Watch(t.Context(), directory.Settings{
		JetStream: js, Buckets: []string{topology.Owners, topology.Endpoints, topology.Subscriptions}, Catalogue: catalogue, Logger: zerolog.Nop(),
	})
	d.must(err)
	t.Cleanup(dir.Close)
	return NewBook(Settings{Directory: dir, Catalogue: catalogue, Sealer: sealer}), d
}

// await finds the target of a pair, once the configuration has arrived.
func await(t *testing.T, b *Book, id string) {
	t.Helper()
	ref := &delivery.Reference{Owner: "acme", Subscription: id, Revision: 1, EventSeq: 1}
	if _, refusal := b.Await(t.Context(), ref, ""); refusal != nil {
		t.Fatalf("%s: %+v", id, refusal)
	}
}

// TestABookForgetsWhatWasDeleted has an owner make and delete endpoints.
func TestABookForgetsWhatWasDeleted(t *testing.T) {
	b, d := book(t)
	b.most = 0
	d.pair("stays")
	await(t, b, "stays")
	for i := range 10 {
		id := fmt.Sprint("goes-", i)
		d.pair(id)
		await(t, b, id)
		ended, err := d.DeleteSubscription(t.Context(), "acme", id)
		d.must(err)
		gone, err := d.DeleteEndpoint(t.Context(), "acme", id)
		d.must(err)
		if ended.Revision == 0 || gone.Revision == 0 {
			t.Fatal("a change that was made has no revision")
		}
		d.must(b.settings.Directory.Await(t.Context(), topology.Subscriptions, ended.Revision))
		d.must(b.settings.Directory.Await(t.Context(), topology.Endpoints, gone.Revision))
		b.most = 0
	}
	d.pair("last")
	await(t, b, "last")
	if _, ok := b.endpoints[id{"acme", "stays"}]; !ok {
		t.Error("an endpoint that is there was forgotten")
	}
	for at := range b.endpoints {
		if at.id != "stays" && at.id != "last" {
			t.Errorf("the book still has endpoint %s", at.id)
		}
	}
	if len(b.programs) > 3 {
		t.Errorf("the book has %d programs of 2 subscriptions", len(b.programs))
	}
}

// TestAnEndpointIsUsableOnceItsKeyIsThere has the key come after the endpoint,
// as when a new key reaches this machine last.
func TestAnEndpointIsUsableOnceItsKeyIsThere(t *testing.T) {
	b, d := book(t)
	right := b.settings.Sealer
	b.settings.Sealer = secrettest.Sealer(t)
	d.pair("a")
	ref := &delivery.Reference{Owner: "acme", Subscription: "a", Revision: 1, EventSeq: 1}
	if _, refusal := b.Await(t.Context(), ref, ""); refusal == nil || refusal.Reason != EndpointUnusable || refusal.Result != delivery.Retrying {
		t.Fatalf("with another key: %+v", refusal)
	}
	b.settings.Sealer = right
	await(t, b, "a")
}
