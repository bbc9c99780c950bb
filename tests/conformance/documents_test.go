package conformance_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
)

// documentsOf opens an owner's object store as platforms do, by the API that reaches
// their account. What is denied is never answered.
func documentsOf(ctx context.Context, t *testing.T, nc *nats.Conn, owner string) (jetstream.ObjectStore, error) {
	t.Helper()
	js, err := jetstream.NewWithAPIPrefix(nc, permission.DocumentsAPI)
	if err != nil {
		t.Fatal(err)
	}
	return js.ObjectStore(ctx, topology.DocumentsOf(owner))
}

// Owners and ids cannot be told apart by the subjects of one object store, so
// each owner has its own.
func TestAPlatformPutsItsOwnDocumentsAndTheMailerOnlyReadsThem(t *testing.T) {
	broker := harness.Broker(t, "acme")
	js := broker.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, js)
	for _, owner := range []string{"acme", "other"} {
		if err := topology.EnsureDocuments(t.Context(), js, owner); err != nil {
			t.Fatal(err)
		}
	}
	key := topology.DocumentKey(topology.InvoiceDocuments, "INV-1")
	nc := broker.Conn(t, permissiontest.As(permission.PublisherUser("acme"))...)
	platform, err := documentsOf(t.Context(), t, nc, "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{300_000, 200_000} { // the second takes the first one's place
		if _, err := platform.PutBytes(t.Context(), key, bytes.Repeat([]byte("x"), size)); err != nil {
			t.Fatal(err)
		}
	}
	mailer, err := broker.JetStream(t, permissiontest.As(permission.Mailer)...).ObjectStore(t.Context(), topology.DocumentsOf("acme"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := mailer.GetBytes(t.Context(), key); err != nil || len(got) != 200_000 {
		t.Errorf("the mailer reads %d bytes: %v", len(got), err)
	}
	str, err := js.Stream(t.Context(), topology.DocumentStream("acme"))
	if err != nil {
		t.Fatal(err)
	}
	if n := str.CachedInfo().State.Bytes; n > 250_000 {
		t.Errorf("%d bytes are kept: what was replaced was not removed", n)
	}
	brief, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := documentsOf(brief, t, nc, "other"); err == nil {
		t.Error("a platform opens another owner's documents")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := mailer.PutBytes(ctx, key, []byte("x")); err == nil {
		t.Error("the mailer writes documents")
	}
}
