package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/services/billhook/broker"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

// inAndOut is a broker with the streams, seen from inside and by the platform of
// acme.
func inAndOut(t *testing.T) (inside, outsider jetstream.JetStream) {
	t.Helper()
	b, err := broker.Start(broker.Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0",
		Auth: func(string, string) (broker.Permissions, bool) {
			return broker.Platform("acme"), true
		},
	}, "only-for-this-test", zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	js := open(t, "nats://"+b.Address(), b.Option())
	topologytest.Ensure(t, js)
	outsider = open(t, "nats://"+b.Address(), nats.UserInfo(permission.PublisherUser("acme"), "x"),
		nats.CustomInboxPrefix(permission.InboxPrefix(permission.PublisherUser("acme"))))
	return js, outsider
}

func TestAPlatformPutsDocumentsForItsOwner(t *testing.T) {
	js, outsider := inAndOut(t)
	for _, owner := range []string{"acme", "other"} {
		if err := topology.EnsureDocuments(t.Context(), js, owner); err != nil {
			t.Fatal(err)
		}
	}
	api, err := jetstream.NewWithAPIPrefix(outsider.Conn(), permission.DocumentsAPI)
	if err != nil {
		t.Fatal(err)
	}
	own, err := api.ObjectStore(t.Context(), topology.DocumentsOf("acme"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if _, err := own.PutString(t.Context(), "invoice/INV-1", text); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := js.ObjectStore(t.Context(), topology.DocumentsOf("acme"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := kept.GetString(t.Context(), "invoice/INV-1"); err != nil || got != "second" {
		t.Errorf("kept %q: %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := api.ObjectStore(ctx, topology.DocumentsOf("other")); err == nil {
		t.Error("another owner's documents are open")
	}
}

func TestAnOutsiderCannotHaveAnAnswerStoredWhereItMayNotPublish(t *testing.T) {
	js, outsider := inAndOut(t)
	to, target := subject.Platform("acme", "invoice.posted"), topology.BucketKey(topology.SMTP, "other")
	if err := outsider.Conn().PublishMsg(&nats.Msg{Subject: to, Reply: target}); err != nil {
		t.Fatal(err)
	}
	// Answers go out in order: behind this one the first was sent.
	if ack, err := outsider.Publish(t.Context(), to, nil); err != nil || ack.Sequence != 2 {
		t.Fatalf("its own event was refused: %+v, %v", ack, err)
	}
	if ack, err := js.Publish(t.Context(), target, nil); err != nil || ack.Sequence != 1 {
		t.Errorf("another owner's SMTP settings were overwritten: %+v, %v", ack, err)
	}
}

func open(t *testing.T, url string, opts ...nats.Option) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}
