package history_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/webhook-sender/internal/history"
	"github.com/billhook/billhook/services/webhook-sender/internal/record"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type world struct {
	js     jetstream.JetStream
	writer *record.Writer
	ask    *history.History
}

func start(t testing.TB) world {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range topology.Streams(topology.Defaults()) {
		if c.Name == topology.Outcomes || c.Name == topology.Parked {
			if _, err := js.CreateStream(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	w := world{js: js, writer: record.New(js, zerolog.Nop()), ask: history.New(js)}
	var work sync.WaitGroup
	work.Go(func() { _ = w.writer.Run(t.Context()) })
	t.Cleanup(func() {
		work.Wait()
		w.ask.Close()
	})
	return w
}

func ref(sub, id string) *delivery.Reference {
	return &delivery.Reference{ID: id, Owner: "acme", Subscription: sub}
}

func (w world) record(t testing.TB, r *delivery.Reference, attempts ...int) {
	t.Helper()
	for _, n := range attempts {
		o := delivery.Outcome{Attempt: n, Delivery: *r, Channel: delivery.Webhook, Result: delivery.Retrying}
		if err := w.writer.Outcome(t.Context(), &o); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheGreatestRecordedAttemptIsFound(t *testing.T) {
	w := start(t)
	before := time.Now()
	w.record(t, ref("s", "dlv_1"), 1, 2, 3)
	w.record(t, ref("s", "dlv_12"), 7)
	w.record(t, ref("other", "dlv_2"), 1)
	for id, want := range map[string]int{"dlv_1": 3, "dlv_12": 7, "dlv_2": 0, "dlv_3": 0} {
		got, err := w.ask.Made(t.Context(), ref("s", id), before)
		if err != nil || got != want {
			t.Errorf("%s: %d attempts, %v; want %d", id, got, err, want)
		}
	}
}

func TestAnEmptyStreamAnswersAtOnce(t *testing.T) {
	w := start(t)
	if n, err := w.ask.Made(t.Context(), ref("s", "dlv_1"), time.Now()); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
}

func TestManyQuestionsShareFewReadings(t *testing.T) {
	w := start(t)
	before := time.Now()
	const n = 300
	var work sync.WaitGroup
	for i := range n {
		work.Go(func() { w.record(t, ref(fmt.Sprint("s", i%50), fmt.Sprint("dlv_", i)), i+1) })
	}
	work.Wait()
	began := time.Now()
	for i := range n {
		work.Go(func() {
			got, err := w.ask.Made(t.Context(), ref(fmt.Sprint("s", i%50), fmt.Sprint("dlv_", i)), before)
			if err != nil || got != i+1 {
				t.Errorf("%d: %d, %v", i, got, err)
			}
		})
	}
	work.Wait()
	t.Logf("%d questions took %s", n, time.Since(began))
}
