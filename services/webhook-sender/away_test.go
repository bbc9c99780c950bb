package webhooksender_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	webhooksender "github.com/billhook/billhook/services/webhook-sender"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// strict is a configuration whose breaker opens soon. What is put off meanwhile
// comes again soon too.
func strict() webhooksender.Config {
	cfg := hasty(config())
	cfg.Patience = 200 * time.Millisecond
	cfg.BreakerFailures, cfg.BreakerExhausted = 3, 2
	cfg.BreakerWaits = backoff.Schedule{0, time.Second}
	return cfg
}

// patient makes an endpoint whose failed deliveries come again late.
func patient(e *endpoint.Spec, _ *subscription.Spec) {
	e.Retry = backoff.Schedule{0, time.Second, time.Second, time.Second, time.Second, time.Second, time.Second, time.Second, time.Second}
}

// state reads what is stored of an endpoint.
func (r *rig) state(id string) breaker.State {
	r.t.Helper()
	e, err := bucket.Open(r.js, topology.EndpointState).Get(r.t.Context(), acme+"."+id)
	r.must(err)
	if !e.Exists() {
		return breaker.State{}
	}
	s, err := breaker.Parse(e.Value)
	r.must(err)
	return s
}

// becomes waits until the stored state is as wanted.
func (r *rig) becomes(id string, wanted func(breaker.State) bool) breaker.State {
	r.t.Helper()
	kv, err := r.js.KeyValue(r.t.Context(), topology.EndpointState)
	r.must(err)
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	w, err := kv.Watch(ctx, acme+"."+id)
	r.must(err)
	defer func() { _ = w.Stop() }()
	for {
		select {
		case <-w.Updates():
			if s := r.state(id); wanted(s) {
				return s
			}
		case <-ctx.Done():
			r.t.Fatalf("the state stays %+v", r.state(id))
		}
	}
}

// learns waits until the stored state is as wanted and the sender knows of it:
// it does once it has acknowledged what led there, not when the state is stored.
func (r *rig) learns(id string, wanted func(breaker.State) bool) breaker.State {
	r.t.Helper()
	s := r.becomes(id, wanted)
	r.acknowledged()
	return s
}

func phase(p breaker.Phase) func(breaker.State) bool {
	return func(s breaker.State) bool { return s.Phase == p }
}

// acknowledged waits until every task of DELIVERIES is.
func (r *rig) acknowledged() {
	r.t.Helper()
	c, err := r.js.Consumer(r.t.Context(), topology.Deliveries, topology.SenderDurable(delivery.Webhook, part))
	r.must(err)
	deadline := time.Now().Add(patience)
	for {
		i, err := c.Info(r.t.Context())
		r.must(err)
		if i.NumAckPending == 0 && i.NumPending == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d unsettled, %d unread", i.NumAckPending, i.NumPending)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-r.t.Context().Done():
		}
	}
}

// retries is how many retries are pending.
func (r *rig) retries() int {
	r.t.Helper()
	s, err := r.js.Stream(r.t.Context(), topology.Retries)
	r.must(err)
	info, err := s.Info(r.t.Context(), jetstream.WithSubjectFilter("retries.set.>"))
	r.must(err)
	return len(info.State.Subjects)
}

// once wants n deliveries delivered, each taken once by the receiver.
func (r *rig) once(n int, taken *sync.Map) {
	r.t.Helper()
	r.finals(n)
	count := 0
	taken.Range(func(id, k any) bool {
		count++
		if times := k.(*atomic.Int32).Load(); times != 1 {
			r.t.Errorf("%s was taken %d times", id, times)
		}
		return true
	})
	if count != n {
		r.t.Errorf("%d of %d deliveries were taken", count, n)
	}
}

// takes has the receiver answer by status, and notes what it takes.
func (r *rig) takes(status func(w http.ResponseWriter, req *http.Request) int) *sync.Map {
	var taken sync.Map
	r.receiver.answers(func(_ int, w http.ResponseWriter, req *http.Request) {
		code := status(w, req)
		if code/100 == 2 {
			k, _ := taken.LoadOrStore(req.Header.Get("webhook-id"), new(atomic.Int32))
			k.(*atomic.Int32).Add(1)
		}
		w.WriteHeader(code)
	})
	return &taken
}

func TestTheBacklogOfADeadEndpointWaitsBehindOneSequenceAndArrivesOnceItIsBack(t *testing.T) {
	const n = 600
	r := newRig(t)
	r.endpoint("a", patient)
	var back atomic.Bool
	taken := r.takes(func(http.ResponseWriter, *http.Request) int {
		if back.Load() {
			return http.StatusNoContent
		}
		return http.StatusInternalServerError
	})
	r.run(strict())
	r.send(n, "a")
	open := r.learns("a", func(s breaker.State) bool { return s.Phase == breaker.Open && s.Trips > 2 })
	if k := r.retries(); k > 150 { // all that is under way at a time, and probes
		t.Errorf("%d retries are pending for %d deliveries", k, n)
	}
	if open.From == 0 || len(open.Subscriptions) != 1 || open.Reason != "status_500" {
		t.Errorf("state %+v", open)
	}
	if k := len(r.receiver.requests()); k > 250 {
		t.Errorf("%d requests were made to a dead endpoint", k)
	}
	back.Store(true)
	r.once(n, taken)
	r.becomes("a", phase(breaker.Closed))
	r.settled()
}

func TestTheStateSurvivesARestartAndIsSharedByInstances(t *testing.T) {
	const n = 100
	r := newRig(t)
	r.endpoint("a", patient)
	var back atomic.Bool
	taken := r.takes(func(w http.ResponseWriter, _ *http.Request) int {
		if back.Load() {
			return http.StatusNoContent
		}
		w.Header().Set("Retry-After", "3600")
		return http.StatusTooManyRequests
	})
	cfg := strict()
	cfg.Patience = long
	first := r.run(cfg)
	r.send(1, "a") // comes again in an hour
	r.learns("a", phase(breaker.Open))
	first.end()
	r.run(cfg)
	r.run(cfg)
	r.send(n, "a")
	r.acknowledged()
	if k := len(r.receiver.requests()); k != 1 {
		t.Errorf("%d requests were made to an open endpoint", k-1)
	}
	back.Store(true)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	r.once(n, taken)
}

func TestABacklogOfMoreSubscriptionsThanAreNamedArrivesAndNothingOfOthersWithIt(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", patient)
	r.endpoint("b")
	subs := []string{"a", "b"}
	for i := range breaker.MaxSubscriptions {
		id := fmt.Sprint("s", i)
		subs = append(subs, id)
		_, err := r.store.PutSubscription(t.Context(), acme, subscription.Spec{
			ID: id, Name: id, Events: []string{"invoice.posted"}, Channel: delivery.Webhook, Webhook: &subscription.Webhook{Endpoint: "a"},
		})
		r.must(err)
	}
	var back atomic.Bool
	taken := r.takes(func(w http.ResponseWriter, req *http.Request) int {
		if back.Load() || req.URL.Path == "/b" {
			return http.StatusNoContent
		}
		w.Header().Set("Retry-After", "3600")
		return http.StatusTooManyRequests
	})
	cfg := strict()
	cfg.Patience = long
	r.run(cfg)
	r.send(1, "a") // comes again in an hour
	r.learns("a", phase(breaker.Open))
	r.send(1, subs...)
	r.acknowledged()
	if s := r.state("a"); len(s.Subscriptions) != 1 {
		t.Errorf("%d subscriptions are named", len(s.Subscriptions))
	}
	back.Store(true)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	r.once(len(subs), taken)
}

func TestAProbeIsOneRequestAndSuccessOpensUpGradually(t *testing.T) {
	const n = 120
	r := newRig(t)
	r.endpoint("a", patient, func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = 16 })
	var back atomic.Bool
	var mu sync.Mutex
	var begun []int // requests under way at the beginning of each
	under := 0
	taken := r.takes(func(w http.ResponseWriter, _ *http.Request) int {
		if !back.Load() {
			w.Header().Set("Retry-After", "3600")
			return http.StatusTooManyRequests
		}
		mu.Lock()
		under++
		begun = append(begun, under)
		mu.Unlock()
		<-time.After(5 * time.Millisecond)
		mu.Lock()
		under--
		mu.Unlock()
		return http.StatusNoContent
	})
	r.run(strict())
	r.send(1, "a") // comes again in an hour
	r.learns("a", phase(breaker.Open))
	r.send(n, "a")
	r.acknowledged()
	back.Store(true)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	r.once(n, taken)
	mu.Lock()
	defer mu.Unlock()
	for i, most := range map[int]int{0: 1, 1: 2, 2: 2, 3: 4, 6: 4, 7: 8, 14: 8} {
		if begun[i] > most {
			t.Errorf("request %d was made beside %d others; at most %d at a time there", i+1, begun[i]-1, most)
		}
	}
}

func TestRetryAfterIsForTheWholeEndpoint(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		after  func() string
		least  time.Duration
		most   time.Duration
	}{
		"seconds":              {429, func() string { return "3600" }, 3590 * time.Second, 3600 * time.Second},
		"an HTTP date":         {503, func() string { return time.Now().Add(1800 * time.Second).UTC().Format(http.TimeFormat) }, 1700 * time.Second, 1800 * time.Second},
		"bounded by a setting": {503, func() string { return strconv.Itoa(7 * 24 * 3600) }, 4990 * time.Second, 5000 * time.Second},
		"also with 502":        {502, func() string { return "600" }, 590 * time.Second, 600 * time.Second},
		"also with 504":        {504, func() string { return "600" }, 590 * time.Second, 600 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.endpoint("a", patient)
			r.takes(func(w http.ResponseWriter, _ *http.Request) int {
				w.Header().Set("Retry-After", c.after())
				return c.status
			})
			cfg := strict()
			cfg.MaxRetryAfter = 5000 * time.Second
			r.run(cfg)
			r.send(1, "a")
			s := r.learns("a", phase(breaker.Open))
			if wait := s.Probe.Sub(s.Since); wait < c.least || wait > c.most {
				t.Errorf("throttled for %s, want %s", wait, c.most)
			}
			r.send(20, "a")
			r.acknowledged()
			if k := len(r.receiver.requests()); k != 1 {
				t.Errorf("%d requests", k)
			}
			n := r.notices(first(1))[0]
			if n.kind != "endpoint.throttled" || n.owner != acme || n.data.Text("Operation.Id") != "a" || n.data.Text("Operation.Reason") != "status_"+strconv.Itoa(c.status) {
				t.Errorf("told %+v", n)
			}
		})
	}
}

func TestAnEndpointThatIsGoneIsDisabledAndKeepsWhatComes(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", patient)
	var back atomic.Bool
	taken := r.takes(func(http.ResponseWriter, *http.Request) int {
		if back.Load() {
			return http.StatusNoContent
		}
		return http.StatusGone
	})
	r.run(strict())
	r.send(1, "a")
	s := r.learns("a", phase(breaker.Disabled))
	r.notices(func(all []told) bool {
		last := all[len(all)-1]
		return last.kind == "endpoint.disabled" && last.data.Text("Operation.Reason") == breaker.Gone && s.Reason == breaker.Gone
	})
	r.send(30, "a")
	r.acknowledged()
	if k := len(r.receiver.requests()); k != 1 {
		t.Errorf("%d requests", k)
	}
	if r.count(topology.Parked) != 1 {
		t.Error("only what was answered 410 is parked")
	}
	back.Store(true)
	r.endpointURL("a", "https://"+host+"/elsewhere")
	r.finals(31)
	r.becomes("a", phase(breaker.Closed))
	count := 0
	taken.Range(func(any, any) bool { count++; return true })
	if count != 30 {
		t.Errorf("%d deliveries arrived at the new URL", count)
	}
}

// endpointURL gives an endpoint another URL.
func (r *rig) endpointURL(id, url string) {
	r.t.Helper()
	_, err := r.store.PutEndpoint(r.t.Context(), acme, endpoint.Document{Spec: endpoint.Spec{ID: id, Name: id, URL: url}})
	r.must(err)
}

func TestDeliveriesThatExhaustTheirScheduleInARowDisableTheEndpoint(t *testing.T) {
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.Retry = backoff.Schedule{0} })
	var status atomic.Int32
	status.Store(500)
	r.takes(func(http.ResponseWriter, *http.Request) int { return int(status.Load()) })
	r.run(strict())
	r.send(1, "a")
	r.finals(1)
	r.learns("a", func(s breaker.State) bool { return s.Exhausted == 1 && s.Phase == breaker.Closed })
	status.Store(204)
	r.send(1, "a")
	r.finals(2)
	r.becomes("a", func(s breaker.State) bool { return s.Exhausted == 0 })
	status.Store(500)
	r.send(2, "a")
	s := r.learns("a", phase(breaker.Disabled))
	if s.Reason != breaker.Exhausted {
		t.Errorf("state %+v", s)
	}
	r.send(5, "a")
	r.acknowledged()
	if n := r.count(topology.Parked); n != 3 {
		t.Errorf("%d are parked", n)
	}
	status.Store(204)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	r.finals(9)
}

func TestWhatComesWhileItsOwnerDisabledAnEndpointArrivesOnceItIsEnabled(t *testing.T) {
	const n = 50
	r := newRig(t)
	r.endpoint("a", patient)
	r.endpoint("b")
	taken := r.takes(func(http.ResponseWriter, *http.Request) int { return http.StatusNoContent })
	r.must(r.store.DisableEndpoint(t.Context(), acme, "a"))
	r.run(strict())
	r.send(n, "a")
	s := r.learns("a", phase(breaker.Disabled))
	if s.Reason != breaker.ByOwner || len(r.receiver.requests()) > 0 || r.count(topology.Parked) > 0 || r.retries() > 0 {
		t.Errorf("state %+v, %d requests, %d parked, %d retries", s, len(r.receiver.requests()), r.count(topology.Parked), r.retries())
	}
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	r.once(n, taken)
	r.becomes("a", phase(breaker.Closed))
}

func TestABacklogThatNearsItsEndIsParkedWithItsBody(t *testing.T) {
	const n = 12
	r := newRig(t)
	r.endpoint("a")
	r.must(r.store.DisableEndpoint(t.Context(), acme, "a"))
	first := r.run(strict())
	r.send(n, "a")
	r.learns("a", phase(breaker.Disabled))
	first.end()
	r.run(strict(), func(_ *instance, d *webhooksender.Deps) {
		d.Now = func() time.Time { return time.Now().Add(160 * time.Hour) } // of 168
	})
	for _, o := range r.finals(n) {
		if o.Result != delivery.Parked || o.Reason != "endpoint_away" || o.Target != "a" {
			t.Errorf("outcome %+v", o)
		}
	}
	k := 0
	r.read(topology.Parked, func(m jetstream.Msg) bool {
		if m.Subject() != subject.Parked(delivery.Webhook, acme, "a") || len(m.Data()) == 0 || m.Headers().Get("Billhook-Endpoint") != "a" {
			t.Errorf("parked %s %v %s", m.Subject(), m.Headers(), m.Data())
		}
		k++
		return k == n
	}, func() string { return "too few" })
}

func TestAnOrderedSubscriptionWaitsForADisabledEndpointAndGoesOnWhenItIsEnabled(t *testing.T) {
	r := newRig(t)
	r.inOrder("a", subscription.Ordered, subscription.Park)
	var status atomic.Int32
	status.Store(410)
	r.takes(func(http.ResponseWriter, *http.Request) int { return int(status.Load()) })
	r.run(strict())
	r.post(1, "A-1")
	r.becomes("a", phase(breaker.Disabled))
	r.post(5, "A-1")
	status.Store(204)
	r.must(r.store.EnableEndpoint(t.Context(), acme, "a"))
	judgeOrder(t, r.distinct(6), false)
}

// A crash at each step of a stash, of an attempt, and of the way of a backlog.
func TestACrashWhileEndpointsAreAwayLosesNothing(t *testing.T) {
	const n, concurrency = 60, 4
	for point, times := range map[string]int32{"webhook-stashed": 5, "webhook-posted": 12, "webhook-kept": 2, "webhook-recorded": 12} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.hasten()
			r.endpoint("a", patient, func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = concurrency })
			var asked atomic.Int32
			r.takes(func(http.ResponseWriter, *http.Request) int {
				if asked.Add(1) <= 6 {
					return http.StatusInternalServerError
				}
				return http.StatusNoContent
			})
			cfg := strict()
			cfg.Concurrency = 2 * concurrency // of which one lane has half
			r.send(n, "a")
			i := r.run(cfg, crashAt(point, times))
			r.bury(i)
			r.run(cfg)
			r.settled()
			r.onceEach(n)
			r.becomes("a", phase(breaker.Closed))
			failed := 6
			if k := len(r.receiver.requests()) - n - failed; k > concurrency {
				t.Errorf("%d repeats; %d may be", k, concurrency)
			}
		})
	}
}
