package backlog_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/backlog"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const part = 3

// rig is a broker with Billhook's streams.
type rig struct {
	t  *testing.T
	js jetstream.JetStream
	*backlog.Reader
}

func newRig(t *testing.T) *rig {
	t.Helper()
	js := topologytest.JetStream(t)
	return &rig{t: t, js: js, Reader: backlog.New(js, delivery.Webhook)}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// deliver stores a delivery to a subscription and returns its sequence.
func (r *rig) deliver(id, sub string) uint64 {
	r.t.Helper()
	b, err := json.Marshal(delivery.Reference{ID: id, Owner: "acme", Subscription: sub})
	r.must(err)
	ack, err := r.js.Publish(r.t.Context(), subject.Delivery(delivery.Webhook, part, "acme", sub), b)
	r.must(err)
	return ack.Sequence
}

// record stores the outcomes of deliveries to a subscription in one message.
func (r *rig) record(sub string, result delivery.Result, ids ...string) {
	r.t.Helper()
	shared := &nats.Msg{Subject: subject.Outcome(delivery.Webhook, result, "acme", sub), Header: nats.Header{}}
	for _, id := range ids {
		m := settle.Message(&delivery.Outcome{Attempt: 1, Result: result, Delivery: delivery.Reference{ID: id}, At: time.Now()})
		for name, values := range m.Header {
			shared.Header[name] = append(shared.Header[name], values...)
		}
		shared.Data = append(shared.Data, m.Data...)
	}
	_, err := r.js.PublishMsg(r.t.Context(), shared)
	r.must(err)
}

func (r *rig) waiting(g backlog.Range, most int) (ids []string, next uint64) {
	r.t.Helper()
	known, err := r.Known(r.t.Context(), g)
	r.must(err)
	page, err := r.Read(r.t.Context(), g, most, known)
	r.must(err)
	for _, w := range page.Waiting {
		ids = append(ids, w.Delivery.ID)
	}
	return ids, page.Next
}

func TestWhatWaitsIsWhatHasNoOutcomeInTheOrderInWhichItCame(t *testing.T) {
	r := newRig(t)
	for i := range 6 {
		r.deliver(fmt.Sprint("a", i), "a")
		r.deliver(fmt.Sprint("b", i), "b")
		r.deliver(fmt.Sprint("c", i), "c") // leads elsewhere
	}
	r.record("a", delivery.Delivered, "a1", "a3") // of one message both count
	r.record("b", delivery.Retrying, "b2")
	r.record("b", delivery.Sending, "b3") // says nothing of its end
	g := backlog.Range{Part: part, Owner: "acme", Subscriptions: []string{"a", "b"}, From: 4, Until: 14}
	ids, next := r.waiting(g, 100)
	if d := cmp.Diff([]string{"b1", "a2", "b3", "a4", "b4"}, ids); d != "" || next != 15 {
		t.Errorf("next %d, waiting (-want +got):\n%s", next, d)
	}
	g.Subscriptions = []string{"*"}
	ids, _ = r.waiting(g, 100)
	if d := cmp.Diff([]string{"b1", "c1", "a2", "c2", "b3", "c3", "a4", "b4"}, ids); d != "" {
		t.Errorf("of all subscriptions (-want +got):\n%s", d)
	}
}

func TestPagesTogetherHaveEverythingOnce(t *testing.T) {
	const n = 1203
	r := newRig(t)
	g := backlog.Range{Part: part, Owner: "acme", Subscriptions: []string{"a"}, From: 1}
	for i := range n {
		g.Until = r.deliver(fmt.Sprint("a", i), "a")
	}
	seen := map[string]bool{}
	for pages := 0; g.From <= g.Until; pages++ {
		ids, next := r.waiting(g, 500)
		for _, id := range ids {
			if seen[id] {
				t.Errorf("%s is on two pages", id)
			}
			seen[id] = true
		}
		if g.From = next; pages > 3 {
			t.Fatal("too many pages")
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d are on the pages", len(seen), n)
	}
	count, err := r.Count(t.Context(), backlog.Range{Part: part, Owner: "acme", Subscriptions: []string{"a"}, From: 1000})
	if err != nil || count != n-999 {
		t.Errorf("%d wait from 1000 on, %v", count, err)
	}
}

func TestADeliveryThatCannotBeReadWaitsToo(t *testing.T) {
	r := newRig(t)
	_, err := r.js.Publish(t.Context(), subject.Delivery(delivery.Webhook, part, "acme", "a"), []byte("no JSON"))
	r.must(err)
	page, err := r.Read(t.Context(), backlog.Range{Part: part, Owner: "acme", Subscriptions: []string{"a"}, From: 1, Until: 1}, 10, nil)
	if err != nil || len(page.Waiting) != 1 || page.Waiting[0].Err == nil || string(page.Waiting[0].Data) != "no JSON" {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestNothingIsReadOfAnEmptyRange(t *testing.T) {
	r := newRig(t)
	r.deliver("a0", "a")
	for name, g := range map[string]backlog.Range{
		"no subscription": {Part: part, Owner: "acme", From: 1, Until: 1},
		"nothing yet":     {Part: part, Owner: "acme", Subscriptions: []string{"a"}, From: 2, Until: 1},
		"another owner":   {Part: part, Owner: "other", Subscriptions: []string{"a"}, From: 1, Until: 1},
	} {
		if ids, next := r.waiting(g, 10); len(ids) > 0 || next != g.Until+1 {
			t.Errorf("%s: %v, next %d", name, ids, next)
		}
	}
}

// The protocol of backlogs stands on this: acknowledged out of order, given
// back and delivered again, a delivery holds the floor until it is settled.
func TestTheFloorNeverPassesADeliveryThatIsNotSettled(t *testing.T) {
	r := newRig(t)
	for i := range 6 {
		r.deliver(fmt.Sprint("a", i), "a")
		_, err := r.js.Publish(t.Context(), subject.Delivery(delivery.Email, part, "acme", "mail"), nil) // not of this consumer
		r.must(err)
	}
	c, err := r.js.Consumer(t.Context(), topology.Deliveries, topology.SenderDurable(delivery.Webhook, part))
	r.must(err)
	tasks := map[uint64]jetstream.Msg{}
	take := func(n int) {
		t.Helper()
		batch, err := c.Fetch(n, jetstream.FetchMaxWait(time.Minute))
		r.must(err)
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			r.must(err)
			tasks[meta.Sequence.Stream] = m
		}
		r.must(batch.Error())
	}
	floor := func(want uint64) {
		t.Helper()
		got, err := r.Floor(t.Context(), part)
		r.must(err)
		if got != want {
			t.Errorf("floor %d, want %d", got, want)
		}
	}
	ack := func(seq uint64) {
		t.Helper()
		r.must(tasks[seq].DoubleAck(t.Context()))
	}
	floor(0)
	take(4) // 1, 3, 5 and 7
	ack(3)
	floor(0)
	ack(1)
	floor(4) // before 5
	r.must(tasks[5].Nak())
	ack(7)
	floor(4)
	take(1) // 5 again
	floor(4)
	take(2) // 9 and 11
	ack(11)
	floor(4)
	ack(5)
	floor(8)
	ack(9)
	newest, err := r.Newest(t.Context(), part)
	if got, _ := r.Floor(t.Context(), part); err != nil || newest != 11 || got < newest {
		t.Errorf("floor %d, newest %d, %v", got, newest, err)
	}
}

func TestAPartitionWithoutDeliveriesHasNeitherFloorNorNewest(t *testing.T) {
	r := newRig(t)
	floor, err := r.Floor(t.Context(), 999)
	newest, err2 := r.Newest(t.Context(), 999)
	if floor != 0 || newest != 0 || err != nil || err2 != nil {
		t.Errorf("%d %v, %d %v", floor, err, newest, err2)
	}
	if age, err := r.MaxAge(t.Context()); age != 7*24*time.Hour || err != nil {
		t.Errorf("%s, %v", age, err)
	}
}
