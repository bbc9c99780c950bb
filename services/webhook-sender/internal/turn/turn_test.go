package turn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/turn"
	"github.com/billhook/billhook/shared/lane"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver counts the requests at an endpoint.
type receiver struct {
	mu                   sync.Mutex
	now, most, ran, away int
}

func (r *receiver) move(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now += n; n < 0 {
		r.ran++
	}
	r.most = max(r.most, r.now)
}

// request is an unordered one.
type request struct {
	to   *receiver
	took time.Duration
}

func (q request) Run(func()) {
	q.to.move(1)
	<-time.After(q.took)
	q.to.move(-1)
}

func (q request) PutOff(time.Duration) { q.Drop() }

func (q request) Drop() {
	q.to.mu.Lock()
	defer q.to.mu.Unlock()
	q.to.away++
}

func limits(running, waiting int) lane.Limits {
	return lane.Limits{Running: running, Waiting: waiting, Patience: 2 * time.Second, Now: time.Now}
}

func one() int { return 1 }

// ordered makes n requests one after another, as a lane of an ordered
// subscription does.
func ordered(turns *turn.Turns, to *target.Target, q request, n int) error {
	for range n {
		mine, wait, err := turns.Take(context.Background(), "acme", to)
		if err != nil {
			return err
		}
		if mine == nil {
			<-time.After(wait)
			continue
		}
		q.to.move(1)
		<-time.After(q.took)
		q.to.move(-1)
		mine.Free()
		mine.Leave()
	}
	return nil
}

func TestOrderedAndUnorderedRequestsShareTheCapsOfTheirEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(limits(64, 10_000), one)
		to := &target.Target{Endpoint: "e", InFlight: 3, RateLimit: 10}
		r := &receiver{}
		q := request{r, 500 * time.Millisecond}
		var lanes sync.WaitGroup
		for range 40 {
			turns.Offer("acme", to, q)
		}
		for range 8 {
			lanes.Go(func() {
				if err := ordered(turns, to, q, 5); err != nil {
					t.Error(err)
				}
			})
		}
		<-time.After(5 * time.Second)
		synctest.Wait()
		r.mu.Lock()
		if r.most != 3 {
			t.Errorf("%d requests at a time, 3 are allowed", r.most)
		}
		if r.ran < 27 || r.ran > 30 {
			t.Errorf("%d requests in 5 s, 3 at a time that take 0.5 s each allow 30", r.ran)
		}
		r.mu.Unlock()
		<-time.After(time.Minute)
		lanes.Wait()
		turns.Stop()
		if r.ran != 80 {
			t.Errorf("%d of 80 requests", r.ran)
		}
	})
}

func TestInstancesTakeEqualPartsOfTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := &target.Target{Endpoint: "e", InFlight: 100, RateLimit: 12}
		r := &receiver{}
		instances := 3
		var all []*turn.Turns
		for range instances {
			turns := turn.New(limits(64, 100_000), func() int { return instances })
			all = append(all, turns)
			for range 1000 {
				turns.Offer("acme", to, request{to: r})
			}
		}
		<-time.After(10 * time.Second)
		for _, turns := range all {
			turns.Stop()
		}
		if r.ran < 120 || r.ran > 123 {
			t.Errorf("%d requests in 10 s by three instances at a rate of 12", r.ran)
		}
	})
}

func TestWhoNoLongerWaitsHoldsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(limits(8, 100), one)
		to := &target.Target{Endpoint: "e", InFlight: 1}
		mine, _, err := turns.Take(t.Context(), "acme", to)
		if mine == nil || err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := turns.Take(ctx, "acme", to); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v", err)
		}
		next := make(chan error, 1)
		go func() {
			got, _, err := turns.Take(t.Context(), "acme", to)
			if got != nil {
				got.Leave()
			}
			next <- err
		}()
		synctest.Wait()
		mine.Leave()
		if err := <-next; err != nil {
			t.Error(err)
		}
		turns.Stop()
	})
}

func TestAfterTheEndThereIsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := turn.New(limits(8, 100), one)
		to := &target.Target{Endpoint: "e", InFlight: 1}
		mine, _, err := turns.Take(t.Context(), "acme", to)
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() {
			_, _, err := turns.Take(t.Context(), "acme", to)
			waited <- err
		}()
		synctest.Wait()
		r := &receiver{}
		turns.Offer("acme", to, request{to: r})
		stopped := make(chan struct{})
		go func() {
			turns.Stop()
			close(stopped)
		}()
		if err := <-waited; !errors.Is(err, turn.ErrStopped) {
			t.Errorf("who waits is told %v", err)
		}
		select {
		case <-stopped:
			t.Error("stopped with a request under way")
		default:
		}
		mine.Leave()
		<-stopped
		if _, _, err := turns.Take(t.Context(), "acme", to); !errors.Is(err, turn.ErrStopped) {
			t.Errorf("who comes later is told %v", err)
		}
		turns.Stop()
		if r.away != 1 || r.ran != 0 {
			t.Errorf("%d given back, %d made", r.away, r.ran)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	turns := turn.New(limits(256, 512), one)
	to := &target.Target{Endpoint: "e", InFlight: 32}
	b.ReportAllocs()
	for b.Loop() {
		mine, _, err := turns.Take(b.Context(), "acme", to)
		if err != nil {
			b.Fatal(err)
		}
		mine.Free()
		mine.Leave()
	}
	turns.Stop()
}
