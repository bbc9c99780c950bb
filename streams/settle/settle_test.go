package settle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
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
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/settle"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type bench struct {
	srv  *natstest.Server
	js   jetstream.JetStream
	desk *settle.Desk
	stop func()
}

func start(t *testing.T) *bench {
	t.Helper()
	srv := natstest.Start(t)
	js := srv.JetStream(t)
	for _, c := range topology.Streams(topology.Defaults()) {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	desk := settle.New(js, delivery.Email, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = desk.Run(ctx) }()
	b := &bench{srv: srv, js: js, desk: desk, stop: sync.OnceFunc(func() { cancel(); <-done })}
	t.Cleanup(b.stop)
	return b
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func ref(id string) delivery.Reference { return *refTo(id) }

func refTo(id string) *delivery.Reference {
	return &delivery.Reference{ID: id, Owner: "acme", Subscription: "sub_1", Revision: 1, EventSeq: 7, EventID: "e", EventType: "invoice.posted"}
}

var began = time.Date(2026, 11, 23, 9, 30, 0, 123, time.UTC)

func outcome(id string, attempt int, r delivery.Result) *delivery.Outcome {
	return &delivery.Outcome{AttemptID: fmt.Sprint(id, "-", attempt), Attempt: attempt, Delivery: ref(id), Channel: delivery.Email, Result: r, At: began}
}

func TestARetryThatIsSetOrWasDueLeadsOnAndNoOtherDoes(t *testing.T) {
	b := start(t)
	w := settle.Work{Delivery: ref("dlv_1"), Part: 3, Attempts: 1}
	led := func(what string, want bool) {
		t.Helper()
		if got, err := b.desk.LedOn(within(t), &w); err != nil || got != want {
			t.Errorf("%s: %t %v", what, got, err)
		}
	}
	due, err := b.js.CreateConsumer(within(t), topology.Retries, jetstream.ConsumerConfig{FilterSubject: subject.RetriesDue(delivery.Email)})
	if err != nil {
		t.Fatal(err)
	}
	set := func(id string, attempts int, at time.Time) {
		t.Helper()
		of := settle.Work{Delivery: ref(id), Part: 3, Attempts: attempts}
		if err := b.desk.Retry(within(t), &of, at); err != nil {
			t.Fatal(err)
		}
	}
	led("none is set", false)
	set("dlv_2", 2, time.Now().Add(time.Hour))
	led("that of another delivery", false)
	set("dlv_1", 1, time.Now().Add(time.Hour))
	led("that which asked for the attempt", false)
	set("dlv_1", 2, time.Now().Add(time.Hour))
	led("it waits", true)
	for _, id := range []string{"dlv_2", "dlv_1"} {
		set(id, 2, time.Now())
		if _, err := due.Next(jetstream.FetchMaxWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	led("it was due", true)
	w.Attempts = 2
	led("the attempt behind it", false)
}

func TestADueRetryIsTheWorkThatWasScheduled(t *testing.T) {
	b := start(t)
	want := settle.Work{Delivery: ref("dlv_1"), Part: 3, Attempts: 2, First: time.Unix(5, 0).UTC(), Frozen: []byte{0, 1, 2},
		Header: nats.Header{"Billhook-Mine": {"x"}}}
	due, err := b.js.CreateConsumer(within(t), topology.Retries, jetstream.ConsumerConfig{FilterSubject: subject.RetriesDue(delivery.Email)})
	if err != nil {
		t.Fatal(err)
	}
	first := want
	first.Attempts = 1
	for _, w := range []settle.Work{first, want} { // the second takes the first's place
		if err := b.desk.Retry(within(t), &w, time.Now().Add(2*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	msg, err := due.Next(jetstream.FetchMaxWait(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if at, err := subject.ParseRetryDue(msg.Subject()); err != nil || at.Part != 3 || at.Owner != "acme" || at.Subscription != "sub_1" {
		t.Errorf("due at %s", msg.Subject())
	}
	got, err := settle.Read(msg.Subject(), msg.Headers(), msg.Data())
	if err != nil {
		t.Fatal(err)
	}
	if got.Header.Get("Billhook-Mine") != "x" {
		t.Errorf("the channel's own header is lost: %v", got.Header)
	}
	// What the server added when it fired may not be stored again.
	if err := b.desk.Retry(within(t), &got, time.Now().Add(time.Hour)); err != nil {
		t.Errorf("a due retry cannot be set again: %v", err)
	}
	if err := b.desk.Forget(within(t), &got.Delivery); err != nil {
		t.Fatal(err)
	}
	got.Header = want.Header
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("work (-scheduled +due):\n%s", diff)
	}
	s, err := b.js.Stream(within(t), topology.Retries)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages in RETRIES, want the due one", n)
	}
}

func TestAForgottenRetryDoesNotCome(t *testing.T) {
	b := start(t)
	if err := b.desk.Retry(within(t), &settle.Work{Delivery: ref("dlv_1")}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.Forget(within(t), refTo("dlv_1")); err != nil {
		t.Fatal(err)
	}
	s, err := b.js.Stream(within(t), topology.Retries)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != 0 {
		t.Errorf("%d messages are left", n)
	}
}

func TestARetryThatFitsNoMessageIsInvalid(t *testing.T) {
	b := start(t)
	err := b.desk.Retry(within(t), &settle.Work{Delivery: ref("dlv_1"), Frozen: make([]byte, 1<<20)}, time.Now())
	if fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestDeliveriesAreReadAsWork(t *testing.T) {
	data, err := json.Marshal(ref("dlv_1"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := settle.Read(subject.Delivery(delivery.Email, 5, "acme", "sub_1"), nil, data)
	if diff := cmp.Diff(settle.Work{Delivery: ref("dlv_1"), Part: 5}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	for subj, data := range map[string]string{"other.subject": "{}", subject.RetryDue(delivery.Email, 5, "a", "b"): "{}", subject.Delivery(delivery.Email, 5, "a", "b"): "{"} {
		if _, err := settle.Read(subj, nil, []byte(data)); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", subj, err)
		}
	}
}

func TestTheLastOutcomeOfADeliveryIsFoundAmongOthers(t *testing.T) {
	b := start(t)
	since := time.Now()
	var others sync.WaitGroup // beside one another, so that many share a message
	defer others.Wait()
	ctx := within(t)
	for i := range 700 {
		others.Go(func() {
			if err := b.desk.Record(ctx, outcome(fmt.Sprint("dlv_other", i), 1, delivery.Delivered)); err != nil {
				t.Error(err)
			}
		})
	}
	for _, o := range []*delivery.Outcome{
		outcome("dlv_1", 1, delivery.Sending), outcome("dlv_1", 1, delivery.Retrying),
		outcome("dlv_2", 1, delivery.Sending), outcome("dlv_1", 2, delivery.Delivered),
	} {
		if err := b.desk.Record(within(t), o); err != nil {
			t.Fatal(err)
		}
	}
	var askers sync.WaitGroup
	for range 20 {
		for id, want := range map[string]settle.Past{
			"dlv_1": {2, delivery.Delivered, began}, "dlv_2": {1, delivery.Sending, began}, "dlv_3": {},
		} {
			askers.Go(func() {
				got, err := b.desk.Last(within(t), refTo(id), since)
				if err != nil || !cmp.Equal(want, got) {
					t.Errorf("%s: %+v %v", id, got, err)
				}
			})
		}
	}
	askers.Wait()
}

func TestTheLastOutcomeOfADeliveryIsFoundInAMessageThatOthersShare(t *testing.T) {
	b := start(t)
	ctx, since := within(t), time.Now()
	var recording sync.WaitGroup
	for i := range 300 {
		recording.Go(func() {
			if err := b.desk.Record(ctx, outcome(fmt.Sprint("dlv_", i), 1, delivery.Delivered)); err != nil {
				t.Error(err)
			}
		})
	}
	recording.Wait()
	s, err := b.js.Stream(ctx, topology.Outcomes)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n > 150 {
		t.Fatalf("300 outcomes are in %d messages: nothing is shared", n)
	}
	for i := range 300 {
		got, err := b.desk.Last(ctx, refTo(fmt.Sprint("dlv_", i)), since)
		if err != nil || !cmp.Equal(got, settle.Past{Attempt: 1, Result: delivery.Delivered, At: began}) {
			t.Fatalf("dlv_%d: %+v %v", i, got, err)
		}
	}
}

// The retry is stored before the record of the attempt, so it may be due, and its
// own attempt on record, first: whoever then finds the former sends once more.
func TestAnAttemptOnRecordIsFoundThoughTheOneBeforeItWasRecordedLater(t *testing.T) {
	b := start(t)
	since := time.Now()
	for _, o := range []*delivery.Outcome{outcome("dlv_1", 2, delivery.Delivered), outcome("dlv_1", 1, delivery.Retrying)} {
		if err := b.desk.Record(within(t), o); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.desk.Last(within(t), refTo("dlv_1"), since); err != nil || !got.Made(2) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestOutcomesBeforeTheMomentAskedAboutMayBePassedOver(t *testing.T) {
	b := start(t)
	if err := b.desk.Record(within(t), outcome("dlv_1", 1, delivery.Delivered)); err != nil {
		t.Fatal(err)
	}
	if last, err := b.desk.Last(within(t), refTo("dlv_1"), time.Now().Add(time.Hour)); last.Attempt != 0 || err != nil {
		t.Errorf("found %v, %v", last, err)
	}
}

func TestWhatIsParkedHasWhatAResendNeeds(t *testing.T) {
	b := start(t)
	w := settle.Work{Delivery: ref("dlv_1"), Attempts: 9, Frozen: []byte("body")}
	gone := outcome("dlv_1", 10, delivery.Parked) // it ended without an attempt
	gone.Reason, gone.Target = "gone", "crm"
	for range 2 { // a repeat right after a crash
		if err := b.desk.Park(within(t), &w, gone); err != nil {
			t.Fatal(err)
		}
	}
	s, err := b.js.Stream(within(t), topology.Parked)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := s.GetLastMsgForSubject(within(t), subject.Parked(delivery.Email, "acme", "sub_1"))
	if err != nil {
		t.Fatal(err)
	}
	if msg.Sequence != 1 {
		t.Errorf("parked %d times", msg.Sequence)
	}
	if string(msg.Data) != "body" || msg.Header.Get(settle.HeaderReason) != "gone" || msg.Header.Get(settle.HeaderAttempts) != "9" ||
		msg.Header.Get(settle.HeaderTarget) != "crm" || msg.Header.Get(settle.HeaderAttempt) != "dlv_1/10" ||
		!strings.Contains(msg.Header.Get(settle.HeaderDelivery), `"id":"dlv_1"`) {
		t.Errorf("parked %v %s", msg.Header, msg.Data)
	}
}

func TestSettlingGoesOnAfterABrokerRestart(t *testing.T) {
	b := start(t)
	if err := b.desk.Record(within(t), outcome("dlv_1", 1, delivery.Sending)); err != nil {
		t.Fatal(err)
	}
	b.srv.Stop()
	var all sync.WaitGroup
	since := time.Now().Add(-time.Minute)
	for _, work := range []func(context.Context) error{
		func(ctx context.Context) error { return b.desk.Record(ctx, outcome("dlv_1", 1, delivery.Retrying)) },
		func(ctx context.Context) error {
			return b.desk.Park(ctx, &settle.Work{Delivery: ref("dlv_2")}, outcome("dlv_2", 1, delivery.Parked))
		},
		func(ctx context.Context) error {
			return b.desk.Retry(ctx, &settle.Work{Delivery: ref("dlv_1")}, time.Now().Add(time.Hour))
		},
		func(ctx context.Context) error { _, err := b.desk.Last(ctx, refTo("dlv_1"), since); return err },
	} {
		all.Go(func() {
			if err := work(within(t)); err != nil {
				t.Error(err)
			}
		})
	}
	b.srv.Resume(t)
	all.Wait()
}

func TestSettlingEndsWithItsContext(t *testing.T) {
	b := start(t)
	b.srv.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := b.desk.Record(ctx, outcome("dlv_1", 1, delivery.Delivered)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
}

func TestAnAttemptIsMadeOnceItsEndIsOnRecord(t *testing.T) {
	for _, c := range []struct {
		past settle.Past
		made bool
	}{
		{settle.Past{}, false},
		{settle.Past{Attempt: 1, Result: delivery.Sending}, false},
		{settle.Past{Attempt: 1, Result: delivery.Retrying}, true},
		{settle.Past{Attempt: 1, Result: delivery.Parked}, true},
		{settle.Past{Attempt: 2, Result: delivery.Sending}, true},
	} {
		if got := c.past.Made(1); got != c.made {
			t.Errorf("%+v: %v", c.past, got)
		}
	}
}

func TestSweptIsWhatAllAreDoneWith(t *testing.T) {
	b := start(t)
	ctx := within(t)
	due := subject.RetryDue(delivery.Email, 0, "acme", "sub_1")
	other := subject.RetryDue(delivery.Webhook, 0, "acme", "sub_1")
	for _, subj := range []string{due, other, due, due} {
		if _, err := b.js.PublishMsg(ctx, &nats.Msg{Subject: subj, Data: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range topology.Durables(topology.Defaults()) {
		if d.Config.Durable != topology.RetriesDurable(delivery.Email) {
			continue
		}
		c, err := b.js.CreateConsumer(ctx, d.Stream, d.Config)
		if err != nil {
			t.Fatal(err)
		}
		batch, err := c.Fetch(3)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for msg := range batch.Messages() { // done with the first and the third
			if n++; n != 2 {
				if err := msg.DoubleAck(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	floor, err := b.desk.SweepBehind(ctx, 0)
	if err != nil || floor != 2 { // the message before the first that is not done
		t.Fatalf("swept up to %d: %v", floor, err)
	}
	s, err := b.js.Stream(ctx, topology.Retries)
	if err != nil {
		t.Fatal(err)
	}
	if st := s.CachedInfo().State; st.Msgs != 3 || st.FirstSeq != 2 {
		t.Errorf("left %d from %d on", st.Msgs, st.FirstSeq)
	}
}
