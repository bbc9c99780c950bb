package natstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/natstest"
)

func TestARestartKeepsPortAndStore(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	srv := natstest.Start(t, natstest.WithSyncAlways())
	js := srv.JetStream(t)
	if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, "s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	url := srv.URL
	srv.Restart(t)
	if srv.URL != url {
		t.Errorf("address %s became %s", url, srv.URL)
	}
	// A new connection, and the old one by itself, find the message.
	for _, js := range []jetstream.JetStream{srv.JetStream(t), js} {
		str, err := js.Stream(ctx, "S")
		if err != nil {
			t.Fatal(err)
		}
		if n := str.CachedInfo().State.Msgs; n != 1 {
			t.Errorf("%d messages after the restart", n)
		}
	}
}
