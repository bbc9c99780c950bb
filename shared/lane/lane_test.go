package lane_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/lane"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type job struct {
	lane string
	took time.Duration
}

// record counts what became of jobs, per lane.
type record struct {
	mu            sync.Mutex
	ran, shed     map[string]int
	dropped       int
	running, most map[string]int
	waits         []time.Duration
}

func newRecord() *record {
	return &record{ran: map[string]int{}, shed: map[string]int{}, running: map[string]int{}, most: map[string]int{}}
}

const all = "" // the key of the sum over all lanes

func (r *record) handler() lane.Handler[job] {
	move := func(j job, n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, k := range []string{j.lane, all} {
			r.running[k] += n
			r.most[k] = max(r.most[k], r.running[k])
		}
		if n < 0 {
			r.ran[j.lane]++
		}
	}
	return lane.Handler[job]{
		Run: func(j job, _ func()) {
			move(j, 1)
			<-time.After(j.took)
			move(j, -1)
		},
		Shed: func(j job, wait time.Duration) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.shed[j.lane]++
			r.waits = append(r.waits, wait)
		},
		Drop: func(job) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dropped++
		},
	}
}

func limits(running, waiting int) lane.Limits {
	return lane.Limits{Running: running, Waiting: waiting, Patience: 2 * time.Second, Now: time.Now}
}

// pass lets virtual time go by, and everything due in it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestNeitherTheCapOfALaneNorThatOfAllIsEverExceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(10, 1000), r.handler())
		for i := range 300 {
			key := fmt.Sprint("lane-", i%5)
			l.Offer(key, 3, job{key, 5 * time.Millisecond})
		}
		pass(time.Minute)
		l.Stop()
		for key, most := range r.most {
			if want := map[bool]int{true: 10, false: 3}[key == all]; most > want {
				t.Errorf("lane %q ran %d at a time", key, most)
			}
		}
		if r.most[all] < 8 {
			t.Errorf("only %d of 10 slots were used", r.most[all])
		}
		for i := range 5 {
			if n := r.ran[fmt.Sprint("lane-", i)]; n != 60 {
				t.Errorf("lane %d ran %d of 60", i, n)
			}
		}
	})
}

func TestHangingLanesLeaveSlotsToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 100_000), r.handler())
		for i := range 2000 {
			key := fmt.Sprint("hangs-", i%20)
			l.Offer(key, 32, job{key, time.Hour})
		}
		for range 500 {
			l.Offer("healthy", 32, job{"healthy", time.Millisecond})
		}
		pass(2 * time.Second)
		if n := r.ran["healthy"]; n != 500 {
			t.Errorf("%d of 500 jobs of the healthy lane ran beside 20 hanging lanes", n)
		}
		l.Stop()
	})
}

func TestOnlyTheSlowLaneShedsAndOnlyUnderPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 200), r.handler())
		offer := func(n int, key string, took time.Duration) {
			for range n {
				l.Offer(key, 8, job{key, took})
			}
		}
		offer(190, "slow", 15*time.Second)
		pass(3 * time.Second)
		if r.shed["slow"] != 0 {
			t.Fatalf("%d jobs were shed while few waited", r.shed["slow"])
		}
		offer(100, "slow", 15*time.Second)
		offer(100, "fast", time.Millisecond)
		offer(50, "slow", 15*time.Second)
		synctest.Wait()
		if n := r.shed["slow"]; n < 100 {
			t.Errorf("the slow lane shed %d jobs", n)
		}
		pass(time.Second)
		if r.shed["fast"] != 0 || r.ran["fast"] != 100 {
			t.Errorf("the fast lane shed %d jobs and ran %d of 100", r.shed["fast"], r.ran["fast"])
		}
		for i, wait := range r.waits {
			if wait < 2*time.Second || wait > 15*time.Minute {
				t.Fatalf("job %d was sent away for %s", i, wait)
			}
		}
		if first, last := slices.Min(r.waits), slices.Max(r.waits); last-first < 20*time.Second {
			t.Errorf("what was shed comes back within %s; the lane needs longer", last-first)
		}
		l.Stop()
	})
}

func TestAFreedLaneGoesOnWhileItsJobStillCountsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int32
		settle := make(chan struct{})
		l := lane.New(limits(4, 100), lane.Handler[job]{
			Run: func(_ job, free func()) {
				ran.Add(1)
				free()
				<-settle
			},
			Drop: func(job) {},
		})
		for range 9 {
			l.Offer("a", 2, job{})
		}
		synctest.Wait()
		if n := ran.Load(); n != 4 {
			t.Fatalf("%d jobs are under way; a lane of 2 and 4 slots allow 4", n)
		}
		close(settle)
		synctest.Wait()
		l.Stop()
		if n := ran.Load(); n != 9 {
			t.Fatalf("%d of 9 jobs ran", n)
		}
	})
}

func TestStopDropsWhatWaitsAndNothingIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(8, 50), r.handler())
		for i := range 200 {
			l.Offer(fmt.Sprint(i%3), 4, job{"x", time.Second})
		}
		l.Stop()
		l.Offer("late", 4, job{"x", time.Second})
		synctest.Wait()
		if got := r.ran["x"] + r.shed["x"] + r.dropped; got != 201 {
			t.Fatalf("%d of 201 jobs were handled", got)
		}
	})
}

func BenchmarkOffer(b *testing.B) {
	done := make(chan struct{}, 1024)
	l := lane.New(limits(256, 1<<20), lane.Handler[job]{
		Run: func(job, func()) { done <- struct{}{} },
	})
	b.ReportAllocs()
	for b.Loop() {
		l.Offer("a", 64, job{})
		<-done
	}
	l.Stop()
}

func TestOffersMayComeBesideAStop(t *testing.T) {
	var handled atomic.Int32
	l := lane.New(limits(2, 50), lane.Handler[job]{
		Run:  func(job, func()) { handled.Add(1) },
		Shed: func(job, time.Duration) { handled.Add(1) },
		Drop: func(job) { handled.Add(1) },
	})
	var offering sync.WaitGroup
	for range 4 {
		offering.Go(func() {
			for range 200 {
				l.Offer("a", 2, job{})
			}
		})
	}
	l.Stop()
	offering.Wait()
	l.Stop()
	if n := handled.Load(); n != 800 {
		t.Errorf("%d of 800 jobs were handled", n)
	}
}
