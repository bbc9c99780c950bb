package webhooksender_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
)

// What is settled of a partition is held up by the request that hangs, for as
// long as the test would wait.
func TestABacklogDoesNotWaitForAnotherEndpointThatHangs(t *testing.T) {
	const n = 40
	r := newRig(t)
	r.endpoint("hangs")
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = 1 })
	release := make(chan struct{})
	defer close(release)
	taken := r.takes(func(_ http.ResponseWriter, req *http.Request) int {
		if req.URL.Path == "/hangs" {
			<-release
		} else {
			<-time.After(20 * time.Millisecond)
		}
		return http.StatusNoContent
	})
	cfg := strict()
	cfg.Waiting, cfg.Concurrency, cfg.MaxAckPending, cfg.Patience = 2, 4, 16, 50*time.Millisecond
	cfg.HeaderTimeout, cfg.Timeout = 2*patience, 2*patience
	r.run(cfg)
	r.send(1, "hangs")
	r.receiver.until(t, func(got []request) bool { return len(got) == 1 })
	r.send(n, "a")
	r.becomes("a", phase(breaker.Recovering))
	r.once(n, taken)
}

func TestASlowEndpointHasABacklogAndNoTimers(t *testing.T) {
	const n = 100
	r := newRig(t)
	r.endpoint("a", func(e *endpoint.Spec, _ *subscription.Spec) { e.InFlight = 1 })
	release := make(chan struct{})
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	taken := r.takes(func(http.ResponseWriter, *http.Request) int {
		<-release
		return http.StatusNoContent
	})
	cfg := strict()
	cfg.Waiting, cfg.Concurrency, cfg.MaxAckPending, cfg.Patience = 2, 4, 16, 10*time.Millisecond
	cfg.HeaderTimeout, cfg.Timeout = patience, patience
	r.run(cfg)
	r.send(n, "a")
	s := r.becomes("a", phase(breaker.Recovering))
	if s.Reason != breaker.Slow || r.retries() != 0 {
		t.Errorf("state %+v, %d retries", s, r.retries())
	}
	let()
	r.once(n, taken)
	r.becomes("a", phase(breaker.Closed))
}
