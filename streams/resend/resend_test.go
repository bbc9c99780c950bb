package resend_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/resend"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/streams/topology/topologytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const acme = "acme"

// office is a broker with the desk of the sender of webhooks.
type office struct {
	t    *testing.T
	js   jetstream.JetStream
	desk *settle.Desk
}

func open(t *testing.T) *office {
	t.Helper()
	js := topologytest.JetStream(t)
	o := &office{t: t, js: js, desk: settle.New(js, delivery.Webhook, zerolog.Nop())}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.desk.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

var began = time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)

func outcome(id string, attempt int, r delivery.Result) *delivery.Outcome {
	return &delivery.Outcome{
		Attempt: attempt, Channel: delivery.Webhook, Result: r, Reason: "status_500", Target: "crm", At: began,
		Delivery: delivery.Reference{ID: id, Owner: acme, Subscription: "s1", Revision: 2, EventSeq: 7, EventID: "evt_" + id, EventType: "invoice.posted", Account: "A-1"},
	}
}

// ends records that a delivery ended, parked with its bytes where that is how.
func (o *office) ends(out *delivery.Outcome) {
	o.t.Helper()
	if out.Result == delivery.Parked {
		w := settle.Work{Delivery: out.Delivery, Attempts: out.Attempt, First: began, Frozen: []byte("bytes of " + out.Delivery.ID),
			Header: nats.Header{"Billhook-Path": {"/a"}}}
		o.must(o.desk.Park(o.t.Context(), &w, out))
	}
	o.must(o.desk.Record(o.t.Context(), out))
}

func (o *office) matching(q outcomes.Query) resend.Selection {
	o.t.Helper()
	q.Owner = acme
	s, err := resend.Matching(o.t.Context(), o.js, q)
	o.must(err)
	return s
}

func (o *office) ask(s resend.Selection) resend.Tally {
	o.t.Helper()
	t, err := resend.Ask(o.t.Context(), o.js, s, func(resend.Tally) {})
	o.must(err)
	return t
}

// due returns the next due retry.
func (o *office) due() settle.Work {
	o.t.Helper()
	c, err := o.js.CreateConsumer(o.t.Context(), topology.Retries, jetstream.ConsumerConfig{FilterSubject: subject.RetriesDue(delivery.Webhook)})
	o.must(err)
	m, err := c.Next(jetstream.FetchMaxWait(time.Minute))
	o.must(err)
	w, err := settle.Read(m.Subject(), m.Headers(), m.Data())
	o.must(err)
	return w
}

// set returns the pending retry of a delivery.
func (o *office) set(id string) settle.Work {
	o.t.Helper()
	s, err := o.js.Stream(o.t.Context(), topology.Retries)
	o.must(err)
	m, err := s.GetLastMsgForSubject(o.t.Context(), subject.RetrySet(delivery.Webhook, id))
	o.must(err)
	w, err := settle.Decode(m.Header, m.Data)
	o.must(err)
	return w
}

func ids(s resend.Selection) []string {
	var out []string
	for _, i := range s.Items {
		out = append(out, fmt.Sprint(i.Delivery.ID, "/", i.Attempt))
	}
	return out
}

func TestAResendIsDueAtOnceWithTheBytesThatAreKept(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 3, delivery.Parked))
	s := o.matching(outcomes.Query{Result: delivery.Parked})
	if tally := o.ask(s); tally != (resend.Tally{Asked: 1}) {
		t.Fatalf("%+v", tally)
	}
	want := settle.Work{
		Delivery: outcome("dlv_1", 3, delivery.Parked).Delivery, Part: subject.Partition(acme, topology.Defaults().Partitions),
		Attempts: 3, First: began, Resent: settle.Resent{At: s.At, After: 3}, Frozen: []byte("bytes of dlv_1"),
	}
	got := o.due()
	path := got.Header.Get("Billhook-Path")
	got.Header = nil
	if d := cmp.Diff(want, got); d != "" || path != "/a" {
		t.Errorf("path %q, %s", path, d)
	}
}

func TestWhatWasDeliveredIsAskedForWithoutBytesAndAsOfItsFirstAttempt(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 1, delivery.Delivered))
	s, err := resend.One(t.Context(), o.js, acme, "dlv_1")
	o.must(err)
	o.ask(s)
	if w := o.due(); w.Attempts != 1 || !w.First.Equal(began) || len(w.Frozen) != 0 || !w.Anew() {
		t.Errorf("%+v", w)
	}
}

func TestAResendThatWaitsIsNotAskedForAgain(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 3, delivery.Parked))
	s := o.matching(outcomes.Query{})
	s.At = s.At.Add(time.Hour) // it waits for as long as the test lasts
	if tally := o.ask(s); tally != (resend.Tally{Asked: 1}) {
		t.Fatalf("%+v", tally)
	}
	if tally := o.ask(s); tally != (resend.Tally{Pending: 1}) {
		t.Errorf("%+v", tally)
	}
}

// Asked for at the same moment by many, it is stored once.
func TestAResendAskedForByManyAtOnceIsOne(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 3, delivery.Parked))
	s := o.matching(outcomes.Query{})
	s.At = s.At.Add(time.Hour)
	tallies := make([]resend.Tally, 8)
	var all sync.WaitGroup
	for i := range tallies {
		all.Go(func() {
			var err error
			if tallies[i], err = resend.Ask(t.Context(), o.js, s, func(resend.Tally) {}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	asked := 0
	for _, tally := range tallies {
		asked += tally.Asked
	}
	if asked != 1 {
		t.Errorf("asked %d times: %+v", asked, tallies)
	}
}

func TestAResendTakesThePlaceOfARetryWithItsBytes(t *testing.T) {
	o := open(t)
	first := outcome("dlv_1", 2, delivery.Retrying)
	w := settle.Work{Delivery: first.Delivery, Attempts: 2, First: began, Frozen: []byte("kept")}
	o.must(o.desk.Retry(t.Context(), &w, time.Now().Add(time.Hour)))
	o.ends(first)
	s, err := resend.One(t.Context(), o.js, acme, "dlv_1")
	o.must(err)
	s.At = s.At.Add(time.Hour)
	o.ask(s)
	if got := o.set("dlv_1"); string(got.Frozen) != "kept" || !got.Anew() || got.Attempts != 2 {
		t.Errorf("%+v", got)
	}
}

// A retry that was set while a command looked has bytes and a number that the
// command does not know of: it is left as it is.
func TestARetryThatIsSetMeanwhileIsNotReplaced(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 3, delivery.Parked))
	s := o.matching(outcomes.Query{})
	s.At = s.At.Add(time.Hour)
	o.ask(s)
	again := o.set("dlv_1")
	again.Attempts = 4 // the resend was made, and failed
	o.must(o.desk.Retry(t.Context(), &again, time.Now().Add(time.Hour)))
	if tally := o.ask(s); tally.Asked != 0 {
		t.Errorf("%+v", tally)
	}
	if got := o.set("dlv_1"); got.Attempts != 4 || got.Anew() {
		t.Errorf("%+v", got)
	}
}

func TestTheLineOfAnOrderedSubscriptionIsNotDisturbed(t *testing.T) {
	o := open(t)
	for id, r := range map[string]delivery.Result{"dlv_1": delivery.Retrying, "dlv_2": delivery.Delivered} {
		m := settle.Message(outcome(id, 1, r))
		m.Subject = subject.OrderedOutcome(delivery.Webhook, r, acme, "s1")
		_, err := o.js.PublishMsg(t.Context(), m)
		o.must(err)
	}
	if _, err := resend.One(t.Context(), o.js, acme, "dlv_1"); !errors.Is(err, resend.ErrUnderWay) || fault.KindOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
	s := o.matching(outcomes.Query{Subscription: "s1"})
	if d := cmp.Diff([]string{"dlv_2/1"}, ids(s)); d != "" || s.UnderWay != 1 {
		t.Errorf("%d under way, %s", s.UnderWay, d)
	}
}

func TestALetterThatIsBeingSentIsLeftToTheMailer(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 1, delivery.Sending))
	if _, err := resend.One(t.Context(), o.js, acme, "dlv_1"); !errors.Is(err, resend.ErrUnderWay) {
		t.Errorf("%v", err)
	}
}

func TestWhatNobodyRecordedIsUnknown(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 1, delivery.Delivered))
	for _, q := range [][2]string{{acme, "dlv_2"}, {"other", "dlv_1"}} {
		if _, err := resend.One(t.Context(), o.js, q[0], q[1]); !errors.Is(err, resend.ErrUnknown) || fault.KindOf(err) != fault.NotFound {
			t.Errorf("%v: %v", q, err)
		}
	}
}

// PARKED is kept for longer than OUTCOMES.
func TestWhatOnlyPARKEDRemembersIsFound(t *testing.T) {
	o := open(t)
	for _, id := range []string{"dlv_1", "dlv_2"} {
		o.ends(outcome(id, 3, delivery.Parked))
	}
	s, err := o.js.Stream(t.Context(), topology.Outcomes)
	o.must(err)
	o.must(s.Purge(t.Context()))
	o.ends(outcome("dlv_2", 4, delivery.Delivered)) // it was made again since
	if d := cmp.Diff([]string{"dlv_1/3"}, ids(o.matching(outcomes.Query{Result: delivery.Parked}))); d != "" {
		t.Error(d)
	}
	for field, q := range map[string]outcomes.Query{
		"reason": {Reason: "gone"}, "result": {Result: delivery.Skipped}, "target": {Target: "erp"}, "event": {Event: "x"}, "until": {Until: began},
	} {
		if got := ids(o.matching(q)); len(got) != 0 {
			t.Errorf("%s is not asked of it: %v", field, got)
		}
	}
}

func TestOnlyWhatTheQuestionAsksForIsFound(t *testing.T) {
	o := open(t)
	o.ends(outcome("dlv_1", 3, delivery.Parked))
	o.ends(outcome("dlv_2", 1, delivery.Delivered))
	back := outcome("dlv_3", 3, delivery.Parked)
	o.ends(back)
	o.ends(outcome("dlv_3", 4, delivery.Delivered))
	odd := outcome("dlv_4", 3, delivery.Parked)
	odd.Reason, odd.Target, odd.Delivery.Account, odd.Delivery.Subscription = "gone", "erp", "A-2", "s2"
	o.ends(odd)
	for name, c := range map[string]struct {
		q    outcomes.Query
		want []string
	}{
		"result":       {outcomes.Query{Result: delivery.Parked}, []string{"dlv_1/3", "dlv_4/3"}},
		"delivered":    {outcomes.Query{Result: delivery.Delivered}, []string{"dlv_2/1", "dlv_3/4"}},
		"reason":       {outcomes.Query{Reason: "gone"}, []string{"dlv_4/3"}},
		"endpoint":     {outcomes.Query{Target: "erp"}, []string{"dlv_4/3"}},
		"account":      {outcomes.Query{Account: "A-2"}, []string{"dlv_4/3"}},
		"subscription": {outcomes.Query{Subscription: "s2"}, []string{"dlv_4/3"}},
		"until":        {outcomes.Query{Until: began}, nil},
		"since":        {outcomes.Query{Since: time.Now().Add(time.Hour)}, nil},
		"channel":      {outcomes.Query{Channel: delivery.Email}, nil},
	} {
		if d := cmp.Diff(c.want, ids(o.matching(c.q))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
