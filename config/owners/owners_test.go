package owners_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/owners"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOwnerThatTheWatchDoesNotKnowYetIsFoundWhereItIsStored(t *testing.T) {
	server := natstest.Start(t)
	js := server.JetStream(t)
	topologytest.Ensure(t, js)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	// A directory that watches nothing is one that has not heard yet.
	d, err := directory.Watch(t.Context(), directory.Settings{JetStream: js, Catalogue: catalogue, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	kv, err := js.KeyValue(t.Context(), topology.Owners)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), "acme", `{"id":"acme","name":"Acme","quotas":{"events_per_day":5}}`); err != nil {
		t.Fatal(err)
	}
	o := owners.New(d, js)
	found, err := o.Owner(t.Context(), "acme")
	if err != nil || found.ID != "acme" || found.Quotas.EventsPerDay != 5 {
		t.Errorf("stored owner: %+v, %v", found, err)
	}
	for _, name := range []string{"globex", "a.b", "$x", ">"} {
		if _, err := o.Owner(t.Context(), name); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := o.Owner(ctx, "initech"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("broker down: %v", err)
	}
}
