package webhooksender_test

import (
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/topology"
)

// A delivery that ends without a request took the probe with it: the endpoint
// was left alone for the longest time of a request, and again for the next one.
func TestADeliveryThatMakesNoRequestLeavesTheProbeToTheNext(t *testing.T) {
	const lost, kept = 40, 5
	r := newRig(t)
	// The retry of the one that fails is not awaited: where it is due while the
	// endpoint is open, it comes minutes later.
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0, time.Hour} })
	var back atomic.Bool
	r.takes(func(http.ResponseWriter, *http.Request) int {
		if back.Load() {
			return http.StatusNoContent
		}
		return http.StatusInternalServerError
	})
	cfg := strict()
	cfg.BreakerFailures, cfg.BreakerWaits = 1, backoff.Schedule{time.Hour}
	former := r.run(cfg)
	r.send(1, "a")
	r.learns("a", phase(breaker.Open))
	r.send(lost, "a")
	r.acknowledged()
	events, err := r.js.Stream(t.Context(), topology.Events)
	r.must(err)
	r.must(events.Purge(t.Context()))
	former.end() // it may remember some of them
	r.run(cfg)
	r.send(kept, "a")
	r.acknowledged()
	back.Store(true)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	parked := 0
	for _, o := range r.finals(lost + kept) {
		if o.Result == delivery.Parked {
			parked++
		}
	}
	if parked != lost {
		t.Errorf("%d of %d expired events are parked", parked, lost)
	}
}

// An endpoint that was enabled while its backlog was looked at stood still for up
// to five minutes: how long there was nothing to do was found by the state of
// before, and taken to hold for the new one.
func TestAnEndpointThatIsEnabledDuringALookIsLookedAtAgain(t *testing.T) {
	const waiting = 5
	r, cfg := newRig(t), strict()
	cfg.BreakerFailures, cfg.BreakerWaits = 1, backoff.Schedule{time.Hour}
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0, time.Hour} })
	var back atomic.Bool
	r.takes(func(http.ResponseWriter, *http.Request) int {
		if back.Load() {
			return http.StatusNoContent
		}
		return http.StatusInternalServerError
	})
	former := r.run(cfg)
	r.send(1, "a")
	r.learns("a", phase(breaker.Open))
	r.send(waiting, "a")
	r.acknowledged()
	former.end()
	back.Store(true)
	enabled := make(chan struct{})
	r.run(cfg, func(_ *instance, d *webhooksender.Deps) {
		// Once it is seen by this connection, the instance has most likely seen it.
		kv, err := d.JetStream.KeyValue(t.Context(), topology.EndpointState)
		r.must(err)
		w, err := kv.Watch(t.Context(), acme+".a", jetstream.UpdatesOnly())
		r.must(err)
		enable := sync.OnceFunc(func() {
			r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
			<-w.Updates()
			close(enabled)
		})
		d.Now = func() time.Time {
			// Asked when it is found how long there is nothing to do.
			if pc, _, _, ok := runtime.Caller(1); ok && strings.HasSuffix(runtime.FuncForPC(pc).Name(), "drain.(*drain).follows") {
				enable()
			}
			return time.Now()
		}
	})
	select {
	case <-enabled:
	case <-time.After(patience):
		t.Fatal("nothing looked at the backlog")
	}
	r.finals(waiting)
}

// Whose backlog takes long had its place to the end, and those that came later
// none: a receiver that takes one request a second held up the endpoints of all
// others for as long as its backlog lasted.
func TestALongBacklogMakesRoomForOthers(t *testing.T) {
	const long, short = 100, 5
	r := newRig(t)
	r.endpoint("long", patient, func(e *endpoint.Spec, _ *subscription.Spec) { e.RateLimit = 1 })
	r.endpoint("short", patient)
	begun := make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	r.takes(func(http.ResponseWriter, *http.Request) int {
		begin()
		return http.StatusNoContent
	})
	cfg := strict()
	cfg.Drains, cfg.Patience = 1, 10*time.Second
	for _, id := range []string{"long", "short"} {
		r.must(r.store.DisableEndpoint(t.Context(), acme, id))
	}
	r.run(cfg)
	r.send(long, "long")
	r.send(short, "short")
	r.becomes("long", phase(breaker.Disabled))
	r.learns("short", phase(breaker.Disabled))
	r.must(r.store.EnableEndpoint(t.Context(), acme, "long"))
	<-begun
	r.must(r.store.EnableEndpoint(t.Context(), acme, "short"))
	r.outcomes(func(all []delivery.Outcome) bool {
		done := 0
		for _, o := range all {
			if o.Delivery.Subscription == "short" {
				done++
			}
		}
		return done == short
	})
}

// The state of an endpoint that was deleted stayed for ever, open, and was looked
// at every five minutes.
func TestADeletedEndpointLeavesNothingBehind(t *testing.T) {
	const n = 12
	for name, away := range map[string]func(*rig){
		"open":     func(*rig) {},
		"disabled": func(r *rig) { r.must(r.store.DisableEndpoint(r.t.Context(), acme, "a")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.endpoint("a", patient)
			away(r)
			r.takes(func(http.ResponseWriter, *http.Request) int { return http.StatusTooManyRequests })
			cfg := strict()
			cfg.BreakerWaits = backoff.Schedule{time.Hour}
			r.run(cfg)
			r.send(1, "a")
			r.learns("a", func(s breaker.State) bool { return s.Phase != breaker.Closed })
			r.send(n, "a")
			r.acknowledged()
			_, err := r.store.DeleteSubscription(t.Context(), acme, "a")
			r.must(err)
			_, err = r.store.DeleteEndpoint(t.Context(), acme, "a")
			r.must(err)
			for _, o := range r.finals(n) {
				if o.Result.Final() && (o.Result != delivery.Parked || o.Reason != "endpoint_unknown") {
					t.Errorf("outcome %+v", o)
				}
			}
			r.becomes("a", phase(breaker.Closed))
		})
	}
}

// Every delivery that came for an open endpoint had its backlog looked at, lease
// and all, though nothing could be done before the next probe.
func TestWhatComesBeforeTheProbeWakesNobody(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", patient)
	r.takes(func(w http.ResponseWriter, _ *http.Request) int {
		w.Header().Set("Retry-After", "3600")
		return http.StatusTooManyRequests
	})
	cfg := strict()
	cfg.Lease = time.Hour // none is renewed meanwhile
	r.run(cfg)
	r.send(1, "a")
	r.learns("a", phase(breaker.Open))
	r.send(1, "a") // the backlog begins
	r.acknowledged()
	leases, err := r.srv.Conn(t).SubscribeSync(topology.BucketKey(topology.Leases, "webhook-sender.endpoint.>"))
	r.must(err)
	for range 30 {
		r.send(1, "a")
		r.acknowledged()
	}
	if n, _, err := leases.Pending(); err != nil || n > 4 {
		t.Errorf("leases of backlogs were written %d times for 30 deliveries (%v)", n, err)
	}
}
