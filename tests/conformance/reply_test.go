package conformance_test

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/streams/permission"
	"github.com/billhook/billhook/streams/permission/permissiontest"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
	"github.com/billhook/billhook/tests/harness"
)

// A server asks where a client may publish, not where it wants the answer: the
// acknowledgement of INBOX, sent to a subject of another stream, is stored there.
func TestAPublisherCannotHaveAnAnswerStoredWhereItMayNotPublish(t *testing.T) {
	broker := harness.Broker(t, "acme")
	js := broker.JetStream(t, permissiontest.As(permission.Operator)...)
	topologytest.Ensure(t, js)
	targets := []string{
		topology.BucketKey(topology.SMTP, "other"), topology.BucketKey(topology.Leases, "ingest.0"),
		topology.BucketKey(topology.Checkpoints, "ingest.0"), subject.Event(0, "other", "invoice.posted"),
		subject.Rejected("other", "malformed"),
	}
	publisher := broker.Conn(t, permissiontest.As(permission.PublisherUser("acme"))...)
	own, err := jetstream.New(publisher)
	if err != nil {
		t.Fatal(err)
	}
	to := subject.Platform("acme", "invoice.posted")
	// One more is in INBOX itself, where it would show in the sequences.
	inside := subject.Internal("other", "delivery.parked")
	for _, target := range append([]string{inside}, targets...) {
		if err := publisher.PublishMsg(&nats.Msg{Subject: to, Reply: target, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	// Answers go out in order: behind this one all of them were sent.
	ack, err := own.Publish(t.Context(), to, []byte("{}"))
	if err != nil || ack.Sequence != uint64(len(targets)+2) {
		t.Fatalf("%+v, %v", ack, err)
	}
	for _, target := range targets {
		if ack, err := js.Publish(t.Context(), target, nil); err != nil || ack.Sequence != 1 {
			t.Errorf("%s: something was stored there before: %+v, %v", target, ack, err)
		}
	}
}
