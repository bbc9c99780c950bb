package ingest_test

import (
	"bytes"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/natstest"
)

// greatest is what the brokers take: payload and headers of a message.
const greatest = 8 << 20

func TestTheGreatestMessageDoesNotHoldUpItsPartition(t *testing.T) {
	r := newRig(t, natstest.WithMaxPayload(greatest))
	r.start(options{})
	// Refused at once or later is both right; standing in the way is not.
	_, _ = r.js.PublishMsg(t.Context(), &nats.Msg{Subject: posted("acme"), Data: bytes.Repeat([]byte("x"), greatest)})
	r.publish(posted("acme"), []byte(plain("next")), nil)
	if e := r.events(1)[0]; e.ID != "next" {
		t.Errorf("got %s", e.ID)
	}
}
