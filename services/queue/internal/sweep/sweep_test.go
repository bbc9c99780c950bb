package sweep_test

import (
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/services/queue/internal/sweep"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAQueueThatTheWatchDoesNotKnowIsNotSweptAway(t *testing.T) {
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Buckets(topology.Defaults()) {
		if c.Name == topology.BucketStream(topology.Queues) || c.Name == topology.BucketStream(topology.QueueState) {
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	// One that watches nothing is behind for ever.
	d, err := directory.Watch(t.Context(), directory.Settings{JetStream: js, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	states := bucket.Open(js, topology.QueueState)
	put := func(b *bucket.Bucket, key, value string) {
		if _, err := b.Put(t.Context(), key, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	put(bucket.Open(js, topology.Queues), "acme.erp", `{"id":"erp","incarnation":"2"}`)
	put(bucket.Open(js, topology.Queues), "acme.odd", `{`)
	for _, key := range []string{"acme.erp.1", "acme.erp.2", "acme.odd.1", "acme.gone.1"} {
		put(states, key, "x")
	}
	removed, err := sweep.Once(t.Context(), sweep.Settings{JetStream: js, Directory: d, Log: zerolog.Nop()})
	if err != nil || removed != 2 {
		t.Errorf("%d removed, %v", removed, err)
	}
	for key, stays := range map[string]bool{"acme.erp.1": false, "acme.erp.2": true, "acme.odd.1": true, "acme.gone.1": false} {
		if e, err := states.Get(t.Context(), key); err != nil || e.Exists() != stays {
			t.Errorf("%s is there: %v, %v", key, e.Exists(), err)
		}
	}
}
