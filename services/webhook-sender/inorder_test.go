package webhooksender_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/topology"
)

// inOrder makes an ordered subscription.
func (r *rig) inOrder(id string, order subscription.Order, head subscription.Head) {
	r.t.Helper()
	r.endpoint(id, func(e *endpoint.Spec, s *subscription.Spec) {
		s.Order, s.Head = order, head
		e.Retry = backoff.Schedule{0, 300 * time.Millisecond, 300 * time.Millisecond}
	})
}

// post stores n events of accounts in turn.
func (r *rig) post(n int, accounts ...string) {
	r.t.Helper()
	for i := range n {
		r.put(&event.Event{
			ID: fmt.Sprintf("evt_%d", r.events+1), Type: "invoice.posted", Owner: acme, Account: accounts[i%len(accounts)],
			Time: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Data: event.Values{"Invoice.Total": event.Str("1.50")},
		})
	}
}

// said is what a webhook says of its event.
type said struct{ ID, Account string }

func (g request) said(t *testing.T) said {
	t.Helper()
	var s said
	if err := json.Unmarshal([]byte(g.body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// judgeOrder wants the requests of each lane in the order of their sequences,
// where a repeat of what is delivered already is no violation, and returns how
// many repeats there are.
func judgeOrder(t *testing.T, got []request, byAccount bool) int {
	t.Helper()
	last, seen, again := map[string]int{}, map[string]bool{}, 0
	for i, g := range got {
		var seq int
		if _, err := fmt.Sscan(g.sequence, &seq); err != nil {
			t.Fatalf("request %d has the sequence %q", i, g.sequence)
		}
		if g.verified != nil {
			t.Errorf("request %d: %v", i, g.verified)
		}
		if seen[g.id] {
			again++
			continue
		}
		seen[g.id] = true
		lane := ""
		if byAccount {
			lane = g.said(t).Account
		}
		if seq <= last[lane] {
			t.Errorf("request %d of lane %q has the sequence %d after %d", i, lane, seq, last[lane])
		}
		last[lane] = seq
	}
	return again
}

// distinct waits until webhooks of n deliveries have come in.
func (r *rig) distinct(n int) []request {
	r.t.Helper()
	return r.receiver.until(r.t, func(got []request) bool { return len(got)-repeats(got) >= n })
}

func TestOrderedWebhooksComeOneAfterAnotherInTheOrderOfTheirEvents(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Block)
	var underWay, most atomic.Int32
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		if now := underWay.Add(1); now > most.Load() {
			most.Store(now)
		}
		defer underWay.Add(-1)
		<-time.After(time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	})
	r.post(10, "A-1")
	r.run(config())
	r.post(90, "A-1", "A-2", "A-3")
	got := r.distinct(100)
	if n := judgeOrder(t, got, false); n != 0 || most.Load() != 1 {
		t.Errorf("%d repeats, %d requests at a time", n, most.Load())
	}
	ends := map[string]int{}
	for _, o := range r.orderedOutcomes(100) {
		if o.Result == delivery.Delivered {
			ends[o.Delivery.ID]++
		}
	}
	for id, n := range ends {
		if n != 1 {
			t.Errorf("%s is recorded as delivered %d times", id, n)
		}
	}
}

// orderedOutcomes waits for n final outcomes among the records of ordered
// deliveries, which have notes between them.
func (r *rig) orderedOutcomes(n int) []delivery.Outcome {
	r.t.Helper()
	var all []delivery.Outcome
	r.read(topology.Outcomes, func(m jetstream.Msg) bool {
		if len(m.Data()) == 0 {
			return false
		}
		var o delivery.Outcome
		r.must(json.Unmarshal(m.Data(), &o))
		all = append(all, o)
		finals := 0
		for _, o := range all {
			if o.Result.Final() {
				finals++
			}
		}
		return finals >= n
	}, func() string { return fmt.Sprintf("%d outcomes", len(all)) })
	return all
}

func TestABlockedAccountHoldsBackNoOther(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.OrderedByAccount, subscription.Block)
	var down atomic.Bool
	down.Store(true)
	r.receiver.answersBody(func(body []byte, w http.ResponseWriter) {
		var s said
		if json.Unmarshal(body, &s) == nil && s.Account == "A-2" && down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	r.run(config())
	r.post(60, "A-1", "A-2", "A-3")
	r.receiver.until(t, func(got []request) bool {
		done := map[string]bool{}
		for _, g := range got {
			if g.said(t).Account != "A-2" {
				done[g.id] = true
			}
		}
		return len(done) == 40
	})
	for _, g := range r.receiver.requests() {
		if s := g.said(t); s.Account == "A-2" && s.ID != "evt_2" {
			t.Fatalf("%s of the blocked account came before its first", s.ID)
		}
	}
	down.Store(false)
	judgeOrder(t, r.distinct(60), true)
}

func TestAHeadThatIsParkedLetsTheNextOneCome(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Park)
	r.receiver.answersBody(func(body []byte, w http.ResponseWriter) {
		var s said
		if json.Unmarshal(body, &s) == nil && s.ID == "evt_2" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	r.run(config())
	r.post(4, "A-1")
	r.distinct(4)
	all := r.orderedOutcomes(4)
	parked := 0
	for _, o := range all {
		if o.Result == delivery.Parked {
			parked++
			if o.Delivery.EventID != "evt_2" || o.Attempt != 3 {
				t.Errorf("parked %+v", o)
			}
		}
	}
	if parked != 1 || r.count(topology.Parked) != 1 {
		t.Errorf("%d parked outcomes, %d in PARKED", parked, r.count(topology.Parked))
	}
	judgeOrder(t, r.receiver.requests(), false)
}

func TestAfterACrashAnotherInstanceGoesOnInOrderWithAtMostOneRepeat(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Block)
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		<-time.After(2 * time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	})
	first := r.run(hasty(config()))
	r.post(200, "A-1")
	r.distinct(20)
	second := r.run(config())
	first.crash()
	r.bury(first)
	if n := judgeOrder(t, r.distinct(200), false); n > 1 {
		t.Errorf("%d repeats after one crash", n)
	}
	r.post(20, "A-1")
	second.end()
	third := r.run(config())
	if n := judgeOrder(t, r.distinct(220), false); n > 1 {
		t.Errorf("%d repeats after one crash and an orderly stop", n)
	}
	third.end()
}

func TestAnOrderedSubscriptionMayBeginWithWhatIsInTheLog(t *testing.T) {
	r := newRig(t)
	r.post(7, "A-1")
	r.run(config())
	r.endpoint("a", func(_ *endpoint.Spec, s *subscription.Spec) {
		s.Order, s.Start = subscription.Ordered, start.Beginning
	})
	got := r.distinct(7)
	judgeOrder(t, got, false)
	if got[0].said(t).ID != "evt_1" {
		t.Errorf("it begins with %s", got[0].said(t).ID)
	}
}

func TestPauseSkipAndReplayReachTheHolder(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Block)
	at := control.Place{Owner: acme, Subscription: "a"}
	var down atomic.Bool
	r.receiver.answersBody(func(body []byte, w http.ResponseWriter) {
		var s said
		if json.Unmarshal(body, &s) == nil && s.ID == "evt_4" && down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	r.run(config())
	r.post(3, "A-1")
	r.distinct(3)

	_, err := r.store.Pause(t.Context(), at)
	r.must(err)
	r.read("KV_"+topology.Controls, func(jetstream.Msg) bool { return true }, func() string { return "no control" })
	down.Store(true)
	_, err = r.store.Resume(t.Context(), at)
	r.must(err)
	r.post(3, "A-1") // the first of them is refused and holds up the others
	// A second attempt: that the first failed is on record.
	r.receiver.until(t, func(got []request) bool { return len(got) >= 5 && got[len(got)-1].said(t).ID == "evt_4" })
	_, err = r.store.Skip(t.Context(), at, control.Skip{})
	r.must(err)
	r.receiver.until(t, func(got []request) bool { return got[len(got)-1].said(t).ID == "evt_6" })

	down.Store(false)
	n := len(r.receiver.requests())
	_, err = r.store.Replay(t.Context(), at, control.From{Seq: 2})
	r.must(err)
	got := r.receiver.until(t, func(got []request) bool { return len(got) >= n+5 })
	for i, g := range got[n:] {
		if want := fmt.Sprint("evt_", i+2); g.said(t).ID != want {
			t.Errorf("replay %d is of %s, want %s", i, g.said(t).ID, want)
		}
	}
}
