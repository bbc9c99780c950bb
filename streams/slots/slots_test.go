package slots_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/slots"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 3 * time.Minute

// bench is a server with streams, the subscriptions wanted, and what was
// delivered by whom.
type bench struct {
	t   *testing.T
	srv *natstest.Server
	js  jetstream.JetStream

	mu      sync.Mutex
	subs    []slots.Subscription
	changed []chan struct{}
	got     []attempt
	moved   chan struct{}

	// lease and live are settings of the instances to run.
	lease time.Duration
	live  int
	// endless are the subscriptions of which each attempt brings an event.
	endless map[string]bool
	// gate holds up the attempts of many: each waits for a token of it, or its
	// end.
	gate chan struct{}
	// hangs is the next attempt of an instance; nil for none.
	hangs *hanging
}

// hanging is an attempt that hangs until it is ended.
type hanging struct {
	holder       string
	reached, end chan struct{}
}

// The owner of most subscriptions, and one who has thousands where acme has one.
const acme, many = "acme", "many"

// attempt is one delivery that somebody made.
type attempt struct {
	holder, subscription string
	seq                  uint64
}

func newBench(t *testing.T) *bench {
	t.Helper()
	srv := natstest.Start(t)
	b := &bench{t: t, srv: srv, js: srv.JetStream(t), moved: make(chan struct{}, 1), lease: 2 * time.Second}
	topologytest.Ensure(t, b.js)
	return b
}

// Subscriptions implements slots.Source.
func (b *bench) Subscriptions() []slots.Subscription {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]slots.Subscription(nil), b.subs...)
}

// Changes implements slots.Source.
func (b *bench) Changes() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changed = append(b.changed, c)
	return c, func() {}
}

// want adds n subscriptions, each to an event type of its own.
func (b *bench) want(n int) { b.wantOf(acme, n) }

func (b *bench) wantOf(owner string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range n {
		id := fmt.Sprint("s", len(b.subs))
		b.subs = append(b.subs, slots.Subscription{
			Key: series.Key{Channel: delivery.Webhook, Owner: owner, Subscription: id}, Stamp: id,
			Plan: series.Plan{
				Filters: []string{subject.EventsOfOwner(owner, "t."+id)},
				Match:   func(*event.Event, uint64) (int, bool) { return 1, true },
			},
		})
	}
	for _, c := range b.changed {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// hang has the next attempt of an instance hang.
func (b *bench) hang(holder string) *hanging {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hangs = &hanging{holder: holder, reached: make(chan struct{}), end: make(chan struct{})}
	return b.hangs
}

// hanging returns how the attempt that an instance makes now hangs; nil if it
// does not.
func (b *bench) hanging(holder string) *hanging {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.hangs
	if h == nil || h.holder != holder {
		return nil
	}
	b.hangs = nil
	return h
}

// deliverer makes the attempts of one instance.
type deliverer struct {
	b      *bench
	holder string
}

func (d deliverer) Attempt(ctx context.Context, t *series.Task) (series.Answer, error) {
	if t.Work.Delivery.Owner == many {
		select {
		case <-d.b.gate:
		case <-ctx.Done():
			return series.Answer{}, ctx.Err()
		}
	}
	if h := d.b.hanging(d.holder); h != nil {
		close(h.reached)
		<-h.end
	}
	d.b.mu.Lock()
	d.b.got = append(d.b.got, attempt{d.holder, t.Work.Delivery.Subscription, t.Sequence()})
	d.b.mu.Unlock()
	select {
	case d.b.moved <- struct{}{}:
	default:
	}
	if id := t.Work.Delivery.Subscription; d.b.endless[id] {
		_ = d.b.publish(id) // fails when the test has ended
	}
	t.Work.Attempts++
	return series.Answer{Outcome: &delivery.Outcome{
		Attempt: t.Work.Attempts, Delivery: t.Work.Delivery, Channel: delivery.Webhook, Result: delivery.Delivered, At: time.Now(),
	}}, nil
}

// run starts an instance and returns how to end it.
func (b *bench) run(holder string) (end func()) {
	b.t.Helper()
	_, end = b.launch(holder)
	return end
}

func (b *bench) launch(holder string) (s *slots.Slots, end func()) {
	b.t.Helper()
	js := b.srv.JetStream(b.t)
	desk := settle.New(js, delivery.Webhook, zerolog.Nop())
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = desk.Run(ctx) })
	s = slots.New(slots.Config{Channel: delivery.Webhook, Service: "webhook-sender", Holder: holder, Lease: b.lease, Live: b.live}, slots.Deps{
		JS: js, Source: b, Log: zerolog.Nop(),
		Series: series.Deps{JS: js, Deliverer: deliverer{b, holder}, Desk: desk, Log: zerolog.Nop()},
	})
	work.Go(func() { _ = s.Run(ctx) })
	end = sync.OnceFunc(func() { stop(); work.Wait() })
	b.t.Cleanup(end)
	return s, end
}

// fire stores an event for subscriptions.
func (b *bench) fire(ids ...string) {
	b.t.Helper()
	for _, id := range ids {
		if err := b.publish(id); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *bench) publish(id string) error {
	ev := &event.Event{ID: "evt", Type: "t." + id, Owner: b.ownerOf(id), Account: "A", Time: time.Unix(0, 0)}
	data, err := ev.Encode()
	if err != nil {
		return err
	}
	_, err = b.js.Publish(b.t.Context(), subject.Event(0, ev.Owner, ev.Type), data)
	return err
}

func (b *bench) ownerOf(id string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.subs, func(s slots.Subscription) bool { return s.Subscription == id })
	return b.subs[i].Owner
}

// until waits until enough attempts were made.
func (b *bench) until(what string, enough func([]attempt) bool) []attempt {
	b.t.Helper()
	deadline := time.After(patience)
	for {
		b.mu.Lock()
		got := append([]attempt(nil), b.got...)
		b.mu.Unlock()
		if enough(got) {
			return got
		}
		select {
		case <-b.moved:
		case <-deadline:
			b.t.Fatalf("%s: gave up with %d attempts: %v", what, len(got), got)
		}
	}
}

func atLeast(n int) func([]attempt) bool {
	return func(got []attempt) bool { return len(got) >= n }
}

func TestAnIdleSubscriptionIsWokenByItsEventsAlone(t *testing.T) {
	b := newBench(t)
	b.want(40)
	b.run("one")
	b.fire("s3")
	b.until("first event", atLeast(1))
	b.fire("s3", "s7")
	got := b.until("later events", atLeast(3))
	for _, a := range got {
		if a.subscription != "s3" && a.subscription != "s7" {
			t.Errorf("%s had nothing to do", a.subscription)
		}
	}
	b.want(1)
	b.fire("s40")
	b.until("an event of a new subscription", atLeast(4))
}

func TestWhatWasMissedWhileNobodyRanIsFoundByOneLook(t *testing.T) {
	b := newBench(t)
	b.want(30)
	end := b.run("one")
	b.fire("s1", "s2")
	b.until("while it runs", atLeast(2))
	end()
	b.fire("s1", "s9", "s20")
	b.run("two")
	got := b.until("what was missed", atLeast(5))
	seen := map[uint64]bool{}
	for _, a := range got {
		if seen[a.seq] {
			t.Errorf("event %d was delivered twice", a.seq)
		}
		seen[a.seq] = true
	}
}

func TestInstancesShareTheSlotsAndTakeOverFromTheDead(t *testing.T) {
	b := newBench(t)
	b.want(200)
	var all []string
	for i := range 200 {
		all = append(all, fmt.Sprint("s", i))
	}
	b.run("one")
	b.fire("s0")
	b.until("alone", atLeast(1))
	end := b.run("two")
	// Both get work once the slots are shared; whoever was there first gives
	// some back.
	deadline := time.Now().Add(patience)
	for fired := 1; ; fired += len(all) {
		b.fire(all...)
		got := b.until("shared", atLeast(fired+len(all)))
		if n := madeBy(got[fired:]); n["one"] > len(all)/4 && n["two"] > len(all)/4 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("shared as %v", madeBy(got[fired:]))
		}
	}
	before := len(b.until("now", atLeast(0)))
	end()
	b.fire(all...)
	got := b.until("by the one that is left", atLeast(before+len(all)))
	for i, a := range got[before:] {
		if a.holder != "one" {
			t.Fatalf("attempt %d was made by %s", i, a.holder)
		}
	}
}

// Two believe that they hold the slot when a lease is lost at the server: the
// one who is refused must not claim the series again.
func TestWhoeverIsRefusedLeavesTheSlotToTheOther(t *testing.T) {
	b := newBench(t)
	b.want(1)
	// One does not look at its lease during the test, and two does not lose it
	// again: one would hold the slot from then on.
	b.lease = time.Minute
	b.run("one")
	b.fire("s0")
	b.until("the first holder", atLeast(1))
	h := b.hang("one")
	b.fire("s0")
	<-h.reached
	b.run("two")
	b.loseLeases()
	b.until("the new holder", func(got []attempt) bool { return madeBy(got)["two"] > 0 })
	close(h.end)
	const events = 60
	for n := 3; n <= events; n++ {
		b.fire("s0")
		b.until("the next event", func(got []attempt) bool { return distinct(got) >= n })
	}
	got := b.until("what the former holder was at", func(got []attempt) bool { return madeBy(got)["one"] >= 2 })
	if repeats := len(got) - distinct(got); repeats > 1 {
		t.Errorf("%d repeats: %v", repeats, got)
	}
	if by := madeBy(got); by["one"] != 2 || by["two"] != events-1 {
		t.Errorf("attempts %v, want 2 by the former holder and %d by the new one: %v", by, events-1, got)
	}
}

// The slot was given up some moments after the refusal, and an event that came
// between the two had the series claimed again: the new holder was refused in
// turn, and what it was at was repeated.
func TestAnEventRightBehindARefusalClaimsNothing(t *testing.T) {
	b := newBench(t)
	b.want(1)
	s, _ := b.launch("one")
	b.fire("s0")
	b.until("its series", atLeast(1))
	key := b.subs[0].Key
	for late := time.After(patience); ; {
		again, ok := s.Refuse(key)
		if again {
			t.Error("the series runs again")
		}
		if ok {
			return
		}
		select {
		case <-late:
			t.Fatal("the series is never at rest")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// madeBy is how many attempts each instance made.
func madeBy(got []attempt) map[string]int {
	n := map[string]int{}
	for _, a := range got {
		n[a.holder]++
	}
	return n
}

// loseLeases has the server forget who holds slots, and waits until the instance
// two, which did not hold any, has taken one.
func (b *bench) loseLeases() {
	b.t.Helper()
	kv, err := b.js.KeyValue(b.t.Context(), topology.Leases)
	if err != nil {
		b.t.Fatal(err)
	}
	seen, err := kv.Watch(b.t.Context(), "webhook-sender.slot.>", jetstream.UpdatesOnly())
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = seen.Stop() }()
	s, err := b.js.Stream(b.t.Context(), topology.BucketStream(topology.Leases))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := s.Purge(b.t.Context(), jetstream.WithPurgeSubject(topology.BucketKey(topology.Leases, "webhook-sender.slot.>"))); err != nil {
		b.t.Fatal(err)
	}
	for late := time.After(patience); ; {
		select {
		case e := <-seen.Updates():
			if e != nil && string(e.Value()) == "two" {
				return
			}
		case <-late:
			b.t.Fatal("nobody took the slot")
		}
	}
}

// distinct is how many events were attempted.
func distinct(got []attempt) int {
	seen := map[uint64]bool{}
	for _, a := range got {
		seen[a.seq] = true
	}
	return len(seen)
}

func TestThoseThatWaitForAPlaceGetItAlthoughOthersAlwaysHaveWork(t *testing.T) {
	b := newBench(t)
	b.want(8)
	b.live = 2
	b.endless = map[string]bool{"s0": true, "s1": true}
	b.run("one")
	b.fire("s0", "s1")
	b.until("the two that are never done", atLeast(20))
	b.fire("s2", "s3", "s4", "s5", "s6", "s7")
	b.until("the others", func(got []attempt) bool {
		subs := map[string]bool{}
		for _, a := range got {
			subs[a.subscription] = true
		}
		return len(subs) == 8
	})
}

func TestAnOwnerWithManySubscriptionsDoesNotKeepThePlacesFromAnother(t *testing.T) {
	const n = 40
	b := newBench(t)
	b.live, b.gate = 2, make(chan struct{})
	b.wantOf(many, n)
	for i := range n {
		b.fire(fmt.Sprint("s", i))
	}
	s, _ := b.launch("one")
	reaches(t, "all of many to be at work or waiting", func() bool { return s.Waiting() == n-b.live })
	b.want(1)
	last := fmt.Sprint("s", n)
	b.fire(last)
	reaches(t, "one of another to wait behind them", func() bool { return s.Waiting() == n-b.live+1 })
	// The first place that becomes free is for it: the other one is held up.
	b.gate <- struct{}{}
	b.until("the one, after one of many", func(got []attempt) bool {
		return slices.ContainsFunc(got, func(a attempt) bool { return a.subscription == last })
	})
	close(b.gate)
}

func TestInstancesCountOneAnotherAlsoWithoutAnySubscription(t *testing.T) {
	b := newBench(t)
	counts := func(n int, all ...*slots.Slots) {
		t.Helper()
		reaches(t, fmt.Sprint(n, " instances"), func() bool {
			return !slices.ContainsFunc(all, func(s *slots.Slots) bool { return s.Instances() != n })
		})
	}
	one, _ := b.launch("one")
	counts(1, one)
	two, endTwo := b.launch("two")
	three, endThree := b.launch("three")
	counts(3, one, two, three)
	endTwo()
	endThree()
	counts(1, one)
}

// reaches waits until something holds.
func reaches(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(patience); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("gave up waiting for ", what)
		}
	}
}
