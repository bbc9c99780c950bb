package partition

import (
	"fmt"
	"iter"
	"testing"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/matcher/internal/index"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/subject"
)

// one is a configuration of one owner.
type one struct{ snapshot *directory.Snapshot }

func (o one) Owner(string) *directory.Snapshot { return o.snapshot }

func (o one) Owners() iter.Seq2[string, *directory.Snapshot] {
	return func(yield func(string, *directory.Snapshot) bool) { yield("acme", o.snapshot) }
}

func (o one) Revision() uint64 { return o.snapshot.Revision }

func configured(subs ...subscription.Spec) *directory.Snapshot {
	s := &directory.Snapshot{}
	s.Subscriptions = map[string]*subscription.Subscription{}
	for _, spec := range subs {
		s.Subscriptions[spec.ID] = &subscription.Subscription{Spec: spec, Versions: []subscription.Version{{Revision: 1, Spec: &spec}}}
	}
	return s
}

func handler(c Configuration) *Partition {
	return New(Settings{Configuration: c, Builder: index.Builder{Subscribable: func(string) bool { return true }}, Logger: zerolog.Nop()})
}

func message(t testing.TB, seq uint64, e event.Event) cursor.Message {
	t.Helper()
	data, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return cursor.Message{Subject: subject.Event(0, e.Owner, e.Type), Data: data, Seq: seq}
}

func TestWhatCannotBeReadIsPassedOver(t *testing.T) {
	p := handler(one{configured(subscription.Spec{ID: "hook", Events: []string{"sim.dormant"}, Channel: delivery.Webhook})})
	good := message(t, 3, event.Event{ID: "e", Owner: "acme", Type: "sim.dormant"})
	steps, err := p.Handle(t.Context(), nil, []cursor.Message{
		{Subject: "events.x", Seq: 1}, {Subject: good.Subject, Data: []byte("{"), Seq: 2}, good,
	})
	if err != nil || len(steps) != 3 || len(steps[0].Outputs)+len(steps[1].Outputs) != 0 || len(steps[2].Outputs) != 1 {
		t.Errorf("steps: %v (%v)", steps, err)
	}
}

func TestAChangedSnapshotIsMatchedAtOnce(t *testing.T) {
	c := &one{configured()}
	p := handler(c)
	m := message(t, 1, event.Event{ID: "e", Owner: "acme", Type: "sim.dormant"})
	for _, want := range []int{0, 1, 0} {
		steps, err := p.Handle(t.Context(), nil, []cursor.Message{m})
		if err != nil || len(steps[0].Outputs) != want {
			t.Errorf("%d outputs (%v), want %d", len(steps[0].Outputs), err, want)
		}
		if c.snapshot = configured(); want == 0 {
			c.snapshot = configured(subscription.Spec{ID: "hook", Events: []string{"sim.dormant"}, Channel: delivery.Webhook})
		}
	}
}

// BenchmarkHandle is all that the matcher does for an event, without the
// stream: reading it, matching it among 10,000 subscriptions, and writing the
// reference.
func BenchmarkHandle(b *testing.B) {
	var subs []subscription.Spec
	for i := range 10_000 {
		subs = append(subs, subscription.Spec{
			ID: fmt.Sprintf("s%05d", i), Events: []string{fmt.Sprint("type.", i%60)}, Channel: delivery.Webhook,
			Filter: filter.Spec{"Account.Id": {{Op: filter.Exact, Values: []event.Value{event.Str(fmt.Sprint("a", i))}}}},
		})
	}
	p := handler(one{configured(subs...)})
	data := event.Values{"Account.Id": event.Str("a61")}
	for i := range 20 {
		data[fmt.Sprint("Account.Value", i)] = event.Str("some text of a usual length")
	}
	batch := make([]cursor.Message, 500)
	for i := range batch {
		batch[i] = message(b, uint64(i+1), event.Event{ID: "e", Owner: "acme", Account: "a61", Type: "type.1", Data: data})
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Handle(b.Context(), nil, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(len(batch))/b.Elapsed().Seconds(), "events/s")
}
