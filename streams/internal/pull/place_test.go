package pull_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/billhook/billhook/streams/internal/pull"
)

func TestThePlaceOfAMessageIsWhatNatsGoReads(t *testing.T) {
	for _, reply := range []string{
		"$JS.ACK.S.c.7.22.3.1795000000123456789.44",
		"$JS.ACK._.hash.S.c.1.22.3.1795000000123456789.44",
		"$JS.ACK.hub.hash.S.c.1.22.3.1795000000123456789.44.token",
	} {
		m := &nats.Msg{Sub: new(nats.Subscription), Reply: reply}
		want, err := m.Metadata()
		if err != nil {
			t.Fatal(err)
		}
		got, err := pull.PlaceOf(m)
		if err != nil || got != (pull.Place{
			Seq: want.Sequence.Stream, Nth: want.Sequence.Consumer, Pending: want.NumPending, Delivered: want.NumDelivered, Time: want.Timestamp,
		}) {
			t.Errorf("%s: %+v, %v", reply, got, err)
		}
	}
}

func TestWhatWasNotDeliveredHasNoPlace(t *testing.T) {
	for _, reply := range []string{
		"", "_INBOX.1", "$JS.ACK.S.c.1.x.3.1795000000123456789.44", "$JS.ACK.S.c.1.-2.3.1795000000123456789.44",
		"$JS.NAK.S.c.1.22.3.1795000000123456789.44", "$JS.ACK.S.c.1.22.3.1795000000123456789.44.55",
	} {
		if p, err := pull.PlaceOf(&nats.Msg{Reply: reply}); err == nil {
			t.Errorf("%q: %+v", reply, p)
		}
	}
}
