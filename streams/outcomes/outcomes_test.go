package outcomes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) jetstream.JetStream {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Streams(topology.Defaults()) {
		if c.Name != topology.Outcomes {
			continue
		}
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return js
}

// outcome is that of an attempt of a delivery of acme to sub_1.
func outcome(id string, attempt int, r delivery.Result) delivery.Outcome {
	return delivery.Outcome{
		Attempt: attempt, Channel: delivery.Webhook, Result: r, Target: "crm", Response: "long",
		Delivery: delivery.Reference{ID: id, Owner: "acme", Subscription: "sub_1", EventID: "evt_" + id, EventType: "invoice.posted", Account: "A-1"},
	}
}

// put stores outcomes and returns when the last was stored.
func put(t testing.TB, js jetstream.JetStream, all ...delivery.Outcome) time.Time {
	t.Helper()
	var last jetstream.PubAckFuture
	for _, o := range all {
		data, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		msg := &nats.Msg{
			Subject: subject.Outcome(o.Channel, o.Result, o.Delivery.Owner, o.Delivery.Subscription), Data: data,
			Header: nats.Header{settle.HeaderAttempt: {settle.AttemptKey(o.Delivery.ID, o.Attempt)}},
		}
		if last, err = js.PublishMsgAsync(msg); err != nil {
			t.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	ack := <-last.Ok()
	s, err := js.Stream(t.Context(), topology.Outcomes)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(t.Context(), ack.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	return m.Time
}

// found names the deliveries that a query finds, with their attempts.
func found(t *testing.T, js jetstream.JetStream, q outcomes.Query) []string {
	t.Helper()
	q.Owner = "acme"
	all, err := outcomes.Newest(t.Context(), js, q)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, e := range all {
		out = append(out, settle.AttemptKey(e.Delivery.ID, e.Attempt))
	}
	return out
}

func TestOutcomesThatShareAMessageAreFoundOneByOne(t *testing.T) {
	js := open(t)
	shared := &nats.Msg{Subject: subject.Outcome(delivery.Webhook, delivery.Delivered, "acme", "sub_1"), Header: nats.Header{}}
	for _, id := range []string{"a", "b", "c"} {
		o := outcome(id, 1, delivery.Delivered)
		m := settle.Message(&o)
		shared.Data = append(append(shared.Data, m.Data...), '\n')
		for name, values := range m.Header {
			shared.Header[name] = append(shared.Header[name], values...)
		}
	}
	shared.Data = shared.Data[:len(shared.Data)-1]
	if _, err := js.PublishMsg(t.Context(), shared); err != nil {
		t.Fatal(err)
	}
	put(t, js, outcome("b", 2, delivery.Parked))
	if diff := cmp.Diff([]string{"a/1", "c/1", "b/2"}, found(t, js, outcomes.Query{})); diff != "" {
		t.Error(diff)
	}
	among := outcomes.Query{Among: map[string]bool{"c": true, "x": true}}
	if diff := cmp.Diff([]string{"c/1"}, found(t, js, among)); diff != "" {
		t.Error(diff)
	}
	all, err := outcomes.Attempts(t.Context(), js, outcomes.Query{Owner: "acme", Delivery: "b"})
	if err != nil || len(all) != 2 || all[0].Attempt != 1 || all[1].Attempt != 2 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestOnlyTheNewestOutcomeOfADeliveryCounts(t *testing.T) {
	js := open(t)
	other := outcome("c", 1, delivery.Parked)
	other.Delivery.Owner = "globex"
	put(t, js, outcome("a", 1, delivery.Parked), outcome("b", 9, delivery.Parked), other)
	before := put(t, js, outcome("d", 1, delivery.Delivered))
	put(t, js, outcome("a", 2, delivery.Delivered))
	for name, row := range map[string]struct {
		q    outcomes.Query
		want []string
	}{
		"all":                    {outcomes.Query{}, []string{"b/9", "d/1", "a/2"}},
		"parked":                 {outcomes.Query{Result: delivery.Parked}, []string{"b/9"}},
		"delivered":              {outcomes.Query{Result: delivery.Delivered}, []string{"d/1", "a/2"}},
		"tried since is no more": {outcomes.Query{Until: before}, []string{"b/9", "d/1"}},
		"since":                  {outcomes.Query{Since: before.Add(1)}, []string{"a/2"}},
		"subscription":           {outcomes.Query{Subscription: "sub_1", Channel: delivery.Webhook, Result: delivery.Parked}, []string{"b/9"}},
		"another subscription":   {outcomes.Query{Subscription: "sub_2"}, []string{}},
		"another channel":        {outcomes.Query{Channel: delivery.Email}, []string{}},
		"endpoint":               {outcomes.Query{Target: "erp"}, []string{}},
		"type":                   {outcomes.Query{Event: "invoice.posted", Delivery: "d"}, []string{"d/1"}},
		"event":                  {outcomes.Query{Event: "evt_b"}, []string{"b/9"}},
		"another event":          {outcomes.Query{Event: "invoice.voided"}, []string{}},
		"another account":        {outcomes.Query{Account: "A-2"}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := found(t, js, row.q); !slices.Equal(got, row.want) {
				t.Errorf("found %v, want %v", got, row.want)
			}
		})
	}
}

func TestOutcomesOfInOrderSubscriptionsAreOfTheLogAndTheirNotesAreNot(t *testing.T) {
	js := open(t)
	put(t, js, outcome("a", 1, delivery.Parked))
	data, err := json.Marshal(outcome("b", 1, delivery.Retrying))
	if err != nil {
		t.Fatal(err)
	}
	for subj, data := range map[string][]byte{
		subject.OrderedOutcome(delivery.Webhook, delivery.Retrying, "acme", "sub_1"): data,
		subject.OrderedNote(delivery.Webhook, "acme", "sub_1"):                       nil,
	} {
		if _, err := js.Publish(t.Context(), subj, data); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []outcomes.Query{{Owner: "acme"}, {Owner: "acme", Subscription: "sub_1"}} {
		all, err := outcomes.Newest(t.Context(), js, q)
		if err != nil || len(all) != 2 || all[0].Ordered || !all[1].Ordered {
			t.Errorf("%v %+v", err, all)
		}
	}
}

func TestTheAttemptsOfADeliveryAreInTheirOrderWithTheAnswers(t *testing.T) {
	js := open(t)
	put(t, js, outcome("a", 1, delivery.Retrying), outcome("b", 1, delivery.Delivered), outcome("a", 2, delivery.Delivered))
	all, err := outcomes.Attempts(t.Context(), js, outcomes.Query{Owner: "acme", Delivery: "a"})
	if err != nil || len(all) != 2 || all[0].Attempt != 1 || all[1].Attempt != 2 || all[0].Response != "long" {
		t.Errorf("%v %+v", err, all)
	}
}

func TestAReadingOfAHundredThousandOutcomesKeepsWhatMatches(t *testing.T) {
	if testing.Short() {
		t.Skip("stores 100,000 outcomes")
	}
	js := open(t)
	all := make([]delivery.Outcome, 100_000)
	for i := range all {
		all[i] = outcome(fmt.Sprint("dlv_", i), 1, delivery.Delivered)
	}
	all[77_777].Result = delivery.Parked
	put(t, js, all...)
	start := time.Now()
	if got := found(t, js, outcomes.Query{Result: delivery.Parked}); !slices.Equal(got, []string{"dlv_77777/1"}) {
		t.Errorf("found %v", got)
	}
	t.Logf("100,000 outcomes read in %s", time.Since(start))
}

func TestAReadingEndsWithItsContext(t *testing.T) {
	js := open(t)
	put(t, js, outcome("a", 1, delivery.Parked))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := outcomes.Newest(ctx, js, outcomes.Query{Owner: "acme"}); err == nil || errors.Is(err, outcomes.ErrTooMany) {
		t.Errorf("got %v", err)
	}
}
