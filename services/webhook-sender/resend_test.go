package webhooksender_test

import (
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/resend"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// found are the deliveries that a query finds.
func (r *rig) found(q outcomes.Query) resend.Selection {
	r.t.Helper()
	q.Owner = acme
	s, err := resend.Matching(r.t.Context(), r.js, q)
	r.must(err)
	return s
}

// again asks for the deliveries of a selection.
func (r *rig) again(s resend.Selection) {
	r.t.Helper()
	_, err := resend.Ask(r.t.Context(), r.js, s, func(resend.Tally) {})
	r.must(err)
}

// down makes the receiver fail until it is told otherwise.
func (r *rig) down() *atomic.Bool {
	down := &atomic.Bool{}
	down.Store(true)
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	return down
}

func once(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0} }

func TestAParkedWebhookIsSentAgainWithItsIdAndItsBytes(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", once)
	down := r.down()
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	down.Store(false)
	// What is parked is sent as it was, whatever the log of events still has.
	s, err := r.js.Stream(t.Context(), topology.Events)
	r.must(err)
	r.must(s.Purge(t.Context()))
	r.again(r.found(outcomes.Query{Result: delivery.Parked}))
	all := r.finals(2)
	got := r.receiver.requests()
	if len(got) != 2 || got[0].id != got[1].id || got[0].body != got[1].body || got[1].verified != nil {
		t.Errorf("%+v", got)
	}
	if o := all[1]; o.Result != delivery.Delivered || o.Attempt != 2 || !o.Resent || all[0].Resent || o.AttemptID == all[0].AttemptID {
		t.Errorf("%+v", all)
	}
	r.settled()
}

func TestADeliveredWebhookIsSentAgainAsItWas(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	r.again(r.found(outcomes.Query{Result: delivery.Delivered}))
	all := r.finals(2)
	got := r.receiver.requests()
	if len(got) != 2 || got[0].id != got[1].id || got[0].body != got[1].body || got[1].verified != nil {
		t.Errorf("%+v", got)
	}
	if o := all[1]; o.Result != delivery.Delivered || o.Attempt != 2 || !o.Resent {
		t.Errorf("%+v", all)
	}
	r.settled()
}

// A success that is sent again and fails is tried again and parked like any
// other; with the schedule of the endpoint from its beginning.
func TestTheScheduleBeginsAnewWithAResend(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0, time.Second} })
	r.down()
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	r.again(r.found(outcomes.Query{}))
	var got []string
	for _, o := range r.finals(2) {
		got = append(got, strconv.Itoa(o.Attempt)+" "+string(o.Result))
	}
	if want := []string{"1 retrying", "2 parked", "3 retrying", "4 parked"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if n := r.count(topology.Parked); n != 2 {
		t.Errorf("%d are parked", n)
	}
	r.settled()
}

// What was parked without a request has what a resend needs: here the endpoint
// was missing.
func TestWhatWasParkedUnsentIsRenderedWhenItIsSentAgain(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	endpoints, err := r.js.KeyValue(t.Context(), topology.Endpoints)
	r.must(err)
	key := setup.Key(acme, "a")
	kept, err := endpoints.Get(t.Context(), key)
	r.must(err)
	r.must(endpoints.Delete(t.Context(), key))
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	_, err = endpoints.Put(t.Context(), key, kept.Value())
	r.must(err)
	s := r.found(outcomes.Query{Target: "a", Reason: "endpoint_unknown"})
	r.again(s)
	all := r.finals(2)
	if o := all[1]; len(s.Items) != 1 || o.Result != delivery.Delivered || o.Attempt != 2 {
		t.Errorf("%+v, found %+v", all, s)
	}
}

func TestAResendThatWasMadeIsNotMadeOnceMore(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	s := r.found(outcomes.Query{})
	r.again(s)
	r.finals(2)
	r.settled()
	r.again(s) // the command of before, only now
	r.settled()
	r.run(config()) // nor does another instance, which remembers nothing
	r.again(s)
	r.settled()
	if n := len(r.receiver.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func TestACrashWhileAResendIsMadeLosesItNotAndRepeatsItAtMostOnce(t *testing.T) {
	for _, point := range []string{"webhook-posted", "webhook-kept", "webhook-recorded", "webhook-settled"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.hasten()
			r.endpoint("a")
			i := r.run(hasty(config()), crashAt(point, 2)) // the first is the delivery itself
			r.send(1, "a")
			r.finals(1)
			r.again(r.found(outcomes.Query{}))
			r.bury(i)
			r.run(config())
			r.finals(2)
			r.settled()
			most := 2
			if point == "webhook-posted" || point == "webhook-kept" {
				most = 3 // nothing tells that the receiver has answered
			}
			if n := len(r.receiver.requests()); n < 2 || n > most {
				t.Errorf("%d requests", n)
			}
			if n := r.count(topology.Outcomes); n != 2 {
				t.Errorf("%d outcomes", n)
			}
		})
	}
}

// A resend that comes while the delivery is under way waits for its end.
func TestAResendWaitsForWhatIsUnderWay(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	r.send(1, "a")
	r.finals(1)
	s := r.found(outcomes.Query{})
	release := make(chan struct{})
	r.receiver.answers(func(n int, _ http.ResponseWriter, _ *http.Request) {
		if n == 2 {
			<-release
		}
	})
	r.again(s)
	r.receiver.until(t, func(got []request) bool { return len(got) == 2 })
	r.again(s)
	close(release)
	r.finals(2)
	r.settled()
	if n := len(r.receiver.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
}

// A resend of an ordered delivery has the sequence that it had, is recorded
// outside of its line, and the line goes on behind it.
func TestAResendOfAnOrderedDeliveryDoesNotDisturbItsLine(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Park)
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n <= 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	r.run(config())
	r.post(2, "A-1")
	got := r.receiver.until(t, func(got []request) bool { return len(got) == 4 })
	r.orderedOutcomes(2)
	r.again(r.found(outcomes.Query{Result: delivery.Parked}))
	again := r.receiver.until(t, func(got []request) bool { return len(got) == 5 })[4]
	if again.id != got[0].id || again.body != got[0].body || again.sequence != got[0].sequence || again.sequence == "" {
		t.Errorf("%+v, sent first as %+v", again, got[0])
	}
	r.post(1, "A-1")
	next := r.receiver.until(t, func(got []request) bool { return len(got) == 6 })[5]
	if next.sequence != "3" {
		t.Errorf("the line goes on with %+v", next)
	}
	r.orderedOutcomes(4)
	s, err := r.js.Stream(t.Context(), topology.Outcomes)
	r.must(err)
	m, err := s.GetLastMsgForSubject(t.Context(), subject.Outcome(delivery.Webhook, delivery.Delivered, acme, "a"))
	r.must(err)
	if want := settle.AttemptKey(again.id, 4); m.Header.Get(settle.HeaderAttempt) != want {
		t.Errorf("recorded as %v, want %s", m.Header, want)
	}
}

// A replay without order delivers what the versions in force wanted, also what
// was never delivered, each under its own id.
func TestAReplayWithoutOrderDeliversAllFromAnEventOnUnderTheirIds(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.run(config())
	r.send(3, "a")
	r.finals(3)
	first := r.receiver.requests()
	missed := r.accept(event.Values{"Invoice.Total": event.Str("9.50")})
	other := *missed
	other.ID, other.Type = "evt_other", "invoice.overdue"
	r.put(&other)
	found, err := r.store.Backfill(t.Context(), control.Place{Owner: acme, Subscription: "a"}, control.From{Seq: 2})
	r.must(err)
	r.again(found)
	all := r.finals(6)
	got := map[string]int{}
	for _, g := range r.receiver.requests() {
		got[g.id]++
	}
	want := map[string]int{delivery.ID(acme, "a", missed.ID, 4): 1}
	for _, g := range first {
		want[g.id] = 2
	}
	want[delivery.ID(acme, "a", "evt_1", 1)] = 1
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("requests by id (-want +got):\n%s", d)
	}
	for _, o := range all[3:] {
		number := 2
		if o.Delivery.EventID == missed.ID {
			number = 1
		}
		if o.Attempt != number || !o.Resent || o.Result != delivery.Delivered {
			t.Errorf("%+v", o)
		}
	}
	r.settled()
}
