package conformance_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/reading"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	read "github.com/billhook/billhook/streams/queue"
	"github.com/billhook/billhook/streams/queue/handout"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
	"github.com/billhook/billhook/tokens"
)

// What the queue service does with the broker: a right that it lacks shows as a
// time-out.
func TestTheQueuesUserHandsOutAcknowledgesCountsAndTellsOfGaps(t *testing.T) {
	broker := harness.Broker(t, "acme")
	operator := broker.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, operator)
	part := subject.Partition("acme", topology.Defaults().Partitions)
	for i := range 4 {
		e := event.Event{ID: fmt.Sprint("e", i), Type: "invoice.posted", Owner: "acme", Time: time.Now()}
		b, err := e.Encode()
		if err == nil {
			_, err = operator.Publish(t.Context(), subject.Event(part, "acme", e.Type), b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	events, err := operator.Stream(t.Context(), topology.Events)
	if err == nil {
		err = events.Purge(t.Context(), jetstream.WithPurgeSequence(2))
	}
	if err == nil {
		q := queue.Queue{Spec: queue.Spec{ID: "ledger", Name: "Ledger", Events: []string{"invoice.posted"}}, Incarnation: "1"}
		err = put(t.Context(), operator, topology.BucketKey(topology.Queues, "acme.ledger"), q)
	}
	if err != nil {
		t.Fatal(err)
	}
	js := broker.JetStream(t, permissiontest.As(permission.Queue)...)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.Watch(t.Context(), directory.Settings{JetStream: js, Buckets: []string{topology.Owners, topology.Queues}, Catalogue: catalogue, Logger: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	desk, _ := reading.Open(reading.Settings{
		Directory: d, JetStream: js, Catalogue: catalogue, Partitions: topology.Defaults().Partitions,
		Waiting: 1, Log: zerolog.Nop(), Now: time.Now, Rand: rand.Reader,
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- desk.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	<-desk.Ready()
	at := read.Address{Owner: "acme", Queue: "ledger"}
	got, err := desk.Pull(t.Context(), at, 2, 20*time.Second)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if r, err := desk.Settle(t.Context(), at, []read.Deed{{Receipt: got[0].Receipt, Want: handout.Released}, {Receipt: got[1].Receipt}}); err != nil || r[0] != handout.Released || r[1] != handout.Acknowledged {
		t.Errorf("%v %v", r, err)
	}
	// What was given back is read from the log.
	if got, err := desk.Pull(t.Context(), at, 2, 20*time.Second); err != nil || len(got) == 0 || got[0].Times != 2 {
		t.Errorf("%+v %v", got, err)
	}
	if s, err := desk.Status(t.Context(), at); err != nil || s.Gap.First != 2 || s.Oldest.IsZero() {
		t.Errorf("%+v %v", s, err)
	}
	<-js.PublishAsyncComplete()
	gaps, err := operator.Stream(t.Context(), topology.Gaps)
	if err == nil {
		_, err = gaps.GetLastMsgForSubject(t.Context(), subject.GapOfQueue("acme", "ledger"))
	}
	if err != nil {
		t.Errorf("the gap is not on record: %v", err)
	}
}

// put stores a value where it is kept.
func put(ctx context.Context, js jetstream.JetStream, where string, v any) error {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = js.Publish(ctx, where, b)
	}
	return err
}
