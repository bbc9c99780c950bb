package matcher

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// counted reports that at least n deliveries are there.
func counted(n int) func([]stored) bool { return func(all []stored) bool { return len(all) >= n } }

func TestEveryTypeReachesWebhookAndEmailAndSignalsReachNobody(t *testing.T) {
	b := start(t)
	want := map[string]int{}
	for i, e := range b.catalogue.Events() {
		var schedule *subscription.Schedule
		if e.Type == subscription.DeliveryDatePlus {
			schedule = &subscription.Schedule{Days: 3, Time: "09:00:00"}
		}
		for _, ch := range []delivery.Channel{delivery.Webhook, delivery.Email} {
			id := fmt.Sprintf("%s-%d", ch, i)
			b.put(t, "acme", subscription.Spec{ID: id, Events: []string{e.Type}, Channel: ch, Schedule: schedule}, 0)
			if e.Subscribable() {
				want[string(ch)+" "+e.Type]++
			}
		}
		b.accept(t, event.Event{Owner: "acme", Type: e.Type, Data: event.Values{
			"Schedule.Days": event.Int(3), "Schedule.Time": event.Str("09:00:00"),
		}})
	}
	b.accept(t, event.Event{Owner: "acme", Type: "refund.processed"})
	want["webhook refund.processed"]++
	want["email refund.processed"]++
	b.run(t, none)
	got := map[string]int{}
	for _, s := range b.await(t, counted(2*len(want)/2+2)) {
		got[string(s.channel)+" "+s.EventType]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestADeliveryRefersToItsEventAndVersion(t *testing.T) {
	b := start(t)
	b.put(t, "acme", webhook("hook", "sim.dormant"), 0)
	seq := b.accept(t, event.Event{Owner: "other", Type: "sim.dormant"})
	b.put(t, "acme", webhook("hook", "sim.dormant", "refund.processed"), seq)
	seq = b.accept(t, event.Event{Owner: "acme", Account: "a1", Type: "refund.processed"})
	b.run(t, none)
	want := stored{channel: delivery.Webhook, Reference: delivery.Reference{
		ID: delivery.ID("acme", "hook", "evt_2", seq), Owner: "acme", Subscription: "hook", Revision: 2,
		EventSeq: seq, EventID: "evt_2", EventType: "refund.processed", Account: "a1",
	}}
	if diff := cmp.Diff([]stored{want}, b.await(t, counted(1)), cmp.AllowUnexported(stored{})); diff != "" {
		t.Error(diff)
	}
}

// The former holder stored one of three deliveries of the last event. Since
// then, the subscription it stored was changed so that it no longer matches.
func TestAnEventWhoseDeliveriesAreStoredInPartGetsTheRest(t *testing.T) {
	b := start(t)
	seq := b.accept(t, event.Event{Owner: "acme", Type: "sim.dormant"})
	b.put(t, "acme", webhook("b", "sim.dormant"), 0)
	b.put(t, "acme", webhook("b", "refund.processed"), 0)
	b.put(t, "acme", webhook("a", "sim.dormant"), 0)
	b.put(t, "acme", webhook("c", "sim.dormant"), 0)
	b.former(t, delivery.Reference{Owner: "acme", Subscription: "b", Revision: 1, EventSeq: seq}, nats.Header{
		topology.HeaderSource: {strconv.FormatUint(seq, 10)}, topology.HeaderIndex: {"1/3"},
		topology.HeaderEpoch: {"1"}, topology.HeaderWrite: {"1"},
	})
	b.former(t, delivery.Reference{Owner: elsewhere("acme"), Subscription: "x"}, nil)
	b.accept(t, event.Event{Owner: "acme", Type: "refund.processed"})
	b.run(t, none)
	var got []string
	for _, s := range b.await(t, func(all []stored) bool { return len(all) >= 5 }) {
		if s.Owner == "acme" {
			got = append(got, fmt.Sprint(s.Subscription, s.Revision, " ", s.EventSeq))
		}
	}
	if diff := cmp.Diff([]string{"b1 1", "a1 1", "c1 1", "b2 2"}, got); diff != "" {
		t.Error(diff)
	}
}

func names(all []stored) []string {
	var out []string
	for _, s := range all {
		out = append(out, fmt.Sprint(s.Subscription, s.Revision, " ", s.EventSeq))
	}
	return out
}

func TestVersionsThatBeganAndEndedUnheardOfAreFilledIn(t *testing.T) {
	b := start(t)
	b.put(t, "acme", webhook("known", "sim.dormant"), 0)
	b.accept(t, event.Event{Owner: "acme", Type: "sim.dormant"})
	b.accept(t, event.Event{Owner: "acme", Type: "sim.dormant"})
	first := b.run(t, none)
	b.await(t, counted(2))
	first.end()
	b.put(t, "acme", webhook("late", "sim.dormant"), 0)
	b.put(t, "acme", webhook("late", "refund.processed"), 1)
	b.put(t, "acme", webhook("late", "sim.dormant", "refund.processed"), 1)
	b.run(t, none)
	want := []string{"known1 1", "known1 2", "late1 1", "late3 2"}
	if diff := cmp.Diff(want, names(b.await(t, counted(4)))); diff != "" {
		t.Error(diff)
	}
}

// What a version had is not made again when the subscription changes, even
// when the deliveries are no longer kept.
func TestVersionsHeardOfInTimeAreNotFilledInAgain(t *testing.T) {
	b := start(t)
	b.put(t, "acme", webhook("hook", "sim.dormant"), 0)
	b.put(t, "acme", webhook("other", "sim.dormant"), 0)
	b.accept(t, event.Event{Owner: "acme", Type: "sim.dormant"})
	first := b.run(t, none)
	b.await(t, counted(2))
	first.end()
	deliveries, err := b.js.Stream(t.Context(), topology.Deliveries)
	if err != nil {
		t.Fatal(err)
	}
	if err := deliveries.Purge(t.Context(), jetstream.WithPurgeSubject(subject.DeliveriesTo(partOf("acme"), "acme", "hook"))); err != nil {
		t.Fatal(err)
	}
	b.put(t, "acme", webhook("hook", "refund.processed"), 1)
	b.run(t, none)
	b.accept(t, event.Event{Owner: "acme", Type: "refund.processed"})
	if diff := cmp.Diff([]string{"other1 1", "hook2 2"}, names(b.await(t, counted(2)))); diff != "" {
		t.Error(diff)
	}
}

// former stores a delivery as a former holder did.
func (b *bench) former(t *testing.T, r delivery.Reference, h nats.Header) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	to := subject.Delivery(delivery.Webhook, partOf(r.Owner), r.Owner, r.Subscription)
	if _, err := b.js.PublishMsg(t.Context(), &nats.Msg{Subject: to, Data: data, Header: h}); err != nil {
		t.Fatal(err)
	}
}

// elsewhere returns an owner of another partition.
func elsewhere(owner string) string {
	for i := 0; ; i++ {
		if other := fmt.Sprint("other", i); partOf(other) != partOf(owner) {
			return other
		}
	}
}

// What is learnt of late while an owner lags is filled in up to where the owner
// is, and matched from there on.
func TestABacklogOfOneOwnerGivesWayAndIsFilledInUpToWhereItIs(t *testing.T) {
	const flood = 200
	b := start(t)
	b.put(t, "acme", webhook("known", "sim.dormant"), 0)
	b.put(t, "beta", webhook("other", "sim.dormant"), 0) // of the same partition
	b.accept(t, event.Event{Owner: "beta", Type: "sim.dormant"})
	for range flood {
		b.accept(t, event.Event{Owner: "acme", Type: "sim.dormant"})
	}
	last := b.accept(t, event.Event{Owner: "beta", Type: "sim.dormant"})
	reached, changed := make(chan struct{}), make(chan struct{})
	var writes int
	b.run(t, func(_ *instance, point string) {
		if point != cursor.FaultPublished {
			return
		}
		if writes++; writes == 20 {
			close(reached)
			<-changed
		}
	})
	<-reached
	b.put(t, "acme", webhook("late", "sim.dormant"), 0)
	close(changed)
	var next = map[string]uint64{"known": 2, "late": 2}
	for i, s := range b.await(t, counted(2*flood+2)) {
		switch {
		case s.Owner == "acme" && s.EventSeq != next[s.Subscription]:
			t.Fatalf("%s was given event %d where %d was due", s.Subscription, s.EventSeq, next[s.Subscription])
		case s.Owner == "acme":
			next[s.Subscription]++
		case s.EventSeq == last && i > flood/2:
			t.Errorf("the other's delivery is the %d-th", i+1)
		}
	}
	if diff := cmp.Diff(map[string]uint64{"known": flood + 2, "late": flood + 2}, next); diff != "" {
		t.Error(diff)
	}
}
