package webhooksender_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// crashAt makes an instance crash when it passes a fault point for the n-th
// time.
func crashAt(point string, n int32) func(*instance, *webhooksender.Deps) {
	var passed atomic.Int32
	return func(i *instance, d *webhooksender.Deps) {
		d.Fault = func(p string) {
			if p == point && passed.Add(1) == n {
				i.crash()
			}
		}
	}
}

// The points of a crash, and how many requests may be repeated: those that
// were answered and not yet recorded.
func TestACrashLosesNothingAndRepeatsAtMostWhatWasUnderWay(t *testing.T) {
	const n, concurrency = 40, 4
	for point, repeated := range map[string]int{
		"webhook-posted": concurrency, "webhook-kept": concurrency, "webhook-recorded": concurrency - 1, "webhook-settled": concurrency - 1,
	} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.hasten()
			r.endpoint("a")
			r.send(n, "a")
			cfg := hasty(config())
			cfg.Concurrency = concurrency
			i := r.run(cfg, crashAt(point, 10))
			r.bury(i)
			r.run(cfg)
			got := r.receiver.until(t, func(got []request) bool { return len(got)-repeats(got) == n })
			if k := repeats(got); k > repeated {
				t.Errorf("%d repeats; %d may be", k, repeated)
			}
			r.settled()
			r.onceEach(n)
		})
	}
}

// A failed attempt whose sender crashed has one retry and no more.
func TestACrashBetweenTheStepsOfARetryMakesNoSecondOne(t *testing.T) {
	const n = 6
	for _, point := range []string{"webhook-posted", "webhook-kept", "webhook-recorded"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.hasten()
			r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) {
				e.Retry = backoff.Schedule{0, 4 * time.Second, time.Second, time.Second}
			})
			var down atomic.Bool
			down.Store(true)
			r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
				if down.Load() {
					w.WriteHeader(http.StatusBadGateway)
				}
			})
			cfg := hasty(config())
			cfg.Concurrency = 1
			i := r.run(cfg, crashAt(point, 3))
			r.send(n, "a")
			r.bury(i)
			down.Store(false)
			r.run(cfg)
			r.finals(n)
			r.settled()
			r.onceEach(n)
		})
	}
}

func TestARetryThatACrashLeftBehindIsRemovedBySuccess(t *testing.T) {
	r := newRig(t)
	r.hasten()
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) {
		e.Retry = backoff.Schedule{0, 5 * time.Hour, time.Second}
	})
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	i := r.run(hasty(config()), crashAt("webhook-kept", 1))
	r.send(1, "a")
	r.bury(i)
	r.run(config())
	r.settled()
	r.onceEach(1)
}

// What follows from an attempt takes longer to be stored than its retry takes to be
// due: the retry is no repeat of it.
func TestARetryThatIsDueBeforeItsAttemptIsOnRecordIsNotLost(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0, time.Millisecond} })
	r.receiver.answers(func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	var first sync.Once
	r.run(config(), func(_ *instance, d *webhooksender.Deps) {
		d.Fault = func(point string) {
			if point == "webhook-kept" {
				first.Do(r.awaitRetry)
			}
		}
	})
	r.send(1, "a")
	r.onceEach(1)
	r.settled()
}

// awaitRetry waits until a due retry was given to a sender and came back, or was
// taken for done.
func (r *rig) awaitRetry() {
	durable := topology.RetriesDurable(delivery.Webhook)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); time.Now().Before(late); <-tick.C {
		c, err := r.js.Consumer(r.t.Context(), topology.Retries, durable)
		if err != nil {
			r.t.Error(err)
			return
		}
		if i := c.CachedInfo(); i.Delivered.Consumer > 1 || i.AckFloor.Consumer > 0 {
			return
		}
	}
	r.t.Error("no retry came")
}

// onceEach wants each of n deliveries delivered, and recorded so once.
func (r *rig) onceEach(n int) {
	r.t.Helper()
	ends := map[string]int{}
	for _, o := range r.finals(n) {
		if o.Result != delivery.Delivered && o.Result.Final() {
			r.t.Errorf("outcome %+v", o)
		}
		if o.Result.Final() {
			ends[o.Delivery.ID]++
		}
	}
	for id, k := range ends {
		if k != 1 {
			r.t.Errorf("%s ended %d times", id, k)
		}
	}
	if len(ends) != n {
		r.t.Errorf("%d of %d deliveries ended", len(ends), n)
	}
}

// settled waits until no task and no retry is left.
func (r *rig) settled() {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		left := r.pending()
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("left: %s", left)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.t.Context().Done():
			r.t.Fatal("the test ended")
		}
	}
}

// pending says what is left, "" when nothing is.
func (r *rig) pending() string {
	r.t.Helper()
	for _, d := range topology.Durables(topology.Settings{Partitions: partitions}) {
		c, err := r.js.Consumer(r.t.Context(), d.Stream, d.Config.Durable)
		r.must(err)
		if i := c.CachedInfo(); i.NumAckPending > 0 || i.NumPending > 0 {
			return fmt.Sprintf("%s: %d unsettled, %d unread", d.Config.Durable, i.NumAckPending, i.NumPending)
		}
	}
	s, err := r.js.Stream(r.t.Context(), topology.Retries)
	r.must(err)
	info, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter("retries.set.>"))
	r.must(err)
	if n := len(info.State.Subjects); n > 0 {
		return fmt.Sprintf("%d pending retries", n)
	}
	return ""
}

func TestDeliveryGoesOnAfterABrokerRestart(t *testing.T) {
	r := newRig(t)
	r.hasten()
	r.endpoint("a")
	r.run(config())
	r.send(50, "a")
	r.restart()
	r.send(50, "a")
	r.finals(100)
	got := r.receiver.until(t, func(got []request) bool { return len(got)-repeats(got) == 100 })
	t.Logf("%d repeats", repeats(got))
	r.settled()
}

func TestStoppingEndsRequestsAndGivesBackTheRest(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	r.receiver.answers(func(_ int, w http.ResponseWriter, _ *http.Request) {
		<-time.After(300 * time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	})
	first := r.run(config())
	r.send(60, "a")
	r.receiver.until(t, func(got []request) bool { return len(got) > 4 })
	first.end()
	if len(r.receiver.requests()) == 60 {
		t.Error("everything was sent, which takes long")
	}
	r.receiver.answers(nil)
	r.run(config())
	r.finals(60)
	got := r.receiver.until(t, func(got []request) bool { return len(got)-repeats(got) == 60 })
	if n := repeats(got); n != 0 {
		t.Errorf("%d requests were repeated by an orderly stop", n)
	}
	r.settled()
}

func TestTwoInstancesShareTheWorkWithoutRepeats(t *testing.T) {
	r := newRig(t)
	r.endpoint("a")
	cfg := config()
	cfg.Concurrency, cfg.Waiting, cfg.MaxAckPending = 4, 4, 8
	r.run(cfg)
	r.run(cfg)
	r.send(300, "a")
	r.finals(300)
	if n := repeats(r.receiver.requests()); n != 0 {
		t.Errorf("%d repeats", n)
	}
	r.settled()
}
