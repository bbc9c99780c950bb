package parked_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/parked"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is a broker with PARKED and the desk that writes it.
func desk(t *testing.T) (jetstream.JetStream, *settle.Desk) {
	t.Helper()
	js := topologytest.JetStream(t)
	d := settle.New(js, delivery.Webhook, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return js, d
}

// end is how a delivery ended.
type end struct {
	id      string
	attempt int
	reason  string
}

// park gives up a delivery of acme to sub_1.
func park(t *testing.T, d *settle.Desk, e end) {
	t.Helper()
	w := settle.Work{
		Delivery: delivery.Reference{ID: e.id, Owner: "acme", Subscription: "sub_1", Account: "A-1"}, Attempts: e.attempt,
		Header: nats.Header{"Billhook-Path": {"/a"}}, Frozen: []byte("bytes"),
	}
	o := delivery.Outcome{Delivery: w.Delivery, Attempt: e.attempt, Result: delivery.Parked, Reason: e.reason, Target: "crm"}
	if err := d.Park(t.Context(), &w, &o); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, js jetstream.JetStream, q parked.Query) []parked.Letter {
	t.Helper()
	q.Owner = "acme"
	all, err := parked.List(t.Context(), js, q)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A delivery that was sent again and given up again is one letter, the newest;
// an older one never matches in its place.
func TestTheNewestLetterOfADeliveryCounts(t *testing.T) {
	js, d := desk(t)
	park(t, d, end{"dlv_1", 3, "timeout"})
	park(t, d, end{"dlv_2", 1, "gone"})
	park(t, d, end{"dlv_1", 6, "status_500"})
	park(t, d, end{"", 1, "malformed"}) // what could not be read has no id
	var got []string
	for _, l := range list(t, js, parked.Query{}) {
		got = append(got, l.Delivery.ID+" "+l.Reason+" "+l.Target)
	}
	if diff := cmp.Diff([]string{"dlv_2 gone crm", "dlv_1 status_500 crm", " malformed crm"}, got); diff != "" {
		t.Error(diff)
	}
	for name, q := range map[string]parked.Query{
		"an older reason": {Reason: "timeout"}, "endpoint": {Target: "erp"}, "account": {Account: "A-2"},
		"subscription": {Subscription: "sub_2"}, "channel": {Channel: delivery.Email},
	} {
		if all := list(t, js, q); len(all) != 0 {
			t.Errorf("%s: %+v", name, all)
		}
	}
	if all := list(t, js, parked.Query{Delivery: "dlv_1", Reason: "status_500"}); len(all) != 1 || all[0].Attempt != 6 || !all[0].Frozen {
		t.Errorf("%+v", all)
	}
}

func TestALetterKeepsWhatTheChannelKeptAndNothingOfItsEnd(t *testing.T) {
	js, d := desk(t)
	park(t, d, end{"dlv_1", 3, "timeout"})
	w, err := parked.Open(t.Context(), js, 1)
	if err != nil {
		t.Fatal(err)
	}
	if w.Attempts != 3 || string(w.Frozen) != "bytes" || w.Header.Get("Billhook-Path") != "/a" || w.Header.Get(settle.HeaderReason) != "" {
		t.Errorf("%+v", w)
	}
	if _, err := parked.Open(t.Context(), js, 2); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
