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

// of is how many jobs of a lane ran and were shed so far.
func (r *record) of(lane string) (ran, shed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ran[lane], r.shed[lane]
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
			l.Offer(key, lane.Cap{InFlight: 3}, job{key, 5 * time.Millisecond})
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
			l.Offer(key, lane.Cap{InFlight: 32}, job{key, time.Hour})
		}
		for range 500 {
			l.Offer("healthy", lane.Cap{InFlight: 32}, job{"healthy", time.Millisecond})
		}
		pass(2 * time.Second)
		if n := r.ran["healthy"]; n != 500 {
			t.Errorf("%d of 500 jobs of the healthy lane ran beside 20 hanging lanes", n)
		}
		l.Stop()
	})
}

func TestAGroupOfManyHangingLanesLeavesSlotsToOtherGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 100_000), r.handler())
		for i := range 1000 {
			key := fmt.Sprint("hangs-", i)
			l.Offer(key, lane.Cap{InFlight: 8, Group: "hostile"}, job{key, time.Hour})
		}
		for i := range 500 {
			key := fmt.Sprint("healthy-", i%10)
			l.Offer(key, lane.Cap{InFlight: 8, Group: "other"}, job{key, time.Millisecond})
		}
		pass(2 * time.Second)
		for i := range 10 {
			if ran, _ := r.of(fmt.Sprint("healthy-", i)); ran != 50 {
				t.Errorf("%d of 50 jobs of a healthy lane ran beside 1,000 hanging lanes of another group", ran)
			}
		}
		r.mu.Lock()
		if n := r.running[all]; n != 56 {
			t.Errorf("the hanging lanes hold %d slots of 64, want seven eighths", n)
		}
		r.mu.Unlock()
		l.Stop()
	})
}

func TestOnlyTheSlowLaneShedsAndOnlyUnderPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 200), r.handler())
		offer := func(n int, key string, took time.Duration) {
			for range n {
				l.Offer(key, lane.Cap{InFlight: 8}, job{key, took})
			}
		}
		offer(190, "slow", 15*time.Second)
		pass(3 * time.Second)
		if _, shed := r.of("slow"); shed != 0 {
			t.Fatalf("%d jobs were shed while few waited", shed)
		}
		offer(100, "slow", 15*time.Second)
		offer(100, "fast", time.Millisecond)
		offer(50, "slow", 15*time.Second)
		synctest.Wait()
		if _, n := r.of("slow"); n < 100 {
			t.Errorf("the slow lane shed %d jobs", n)
		}
		pass(time.Second)
		if ran, shed := r.of("fast"); shed != 0 || ran != 100 {
			t.Errorf("the fast lane shed %d jobs and ran %d of 100", shed, ran)
		}
		l.Stop()
		for i, wait := range r.waits {
			if wait < 2*time.Second || wait > 15*time.Minute {
				t.Fatalf("job %d was sent away for %s", i, wait)
			}
		}
		if first, last := slices.Min(r.waits), slices.Max(r.waits); last-first < 20*time.Second {
			t.Errorf("what was shed comes back within %s; the lane needs longer", last-first)
		}
	})
}

func TestAMomentsSilenceMakesNoLaneSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 200), r.handler()) // with a patience of 2 s
		for range 1000 {
			l.Offer("a", lane.Cap{InFlight: 8}, job{"a", time.Millisecond})
		}
		l.Offer("b", lane.Cap{InFlight: 1}, job{"b", 1900 * time.Millisecond})
		for range 300 {
			l.Offer("b", lane.Cap{InFlight: 1}, job{"b", time.Microsecond})
		}
		pass(10 * time.Second)
		if n := r.shed["a"] + r.shed["b"]; n != 0 {
			t.Errorf("%d jobs were shed", n)
		}
		l.Stop()
	})
}

func TestNoJobWaitsForVeryLongAlsoWhereFewWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		few := limits(64, 200)
		few.Longest = 20 * time.Second
		l := lane.New(few, r.handler())
		for range 10 {
			l.Offer("slow", lane.Cap{InFlight: 1}, job{"slow", 5 * time.Second})
		}
		pass(time.Second)
		if _, n := r.of("slow"); n != 0 {
			t.Errorf("%d jobs were shed before anything was slow", n)
		}
		pass(5 * time.Second) // one has ended, and tells how long they take
		if _, n := r.of("slow"); n < 4 || n > 6 {
			t.Errorf("%d of 10 jobs of 5 s were shed, where one may wait 20 s", n)
		}
		pass(time.Minute)
		if ran, shed := r.of("slow"); ran+shed != 10 {
			t.Errorf("%d of 10 jobs ran, %d were shed", ran, shed)
		}
		l.Stop()
	})
}

// All jobs that there is room for may come before anybody can know that their
// lane hangs, and none behind them.
func TestALaneThatTurnsOutToHangShedsWhatWaitsForItThoughNothingMoreIsOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(64, 200), r.handler())
		for range 1000 {
			l.Offer("hangs", lane.Cap{InFlight: 32}, job{"hangs", time.Hour})
		}
		for range 20 {
			l.Offer("healthy", lane.Cap{InFlight: 32}, job{"healthy", time.Millisecond})
		}
		pass(10 * time.Second)
		if n := r.shed["hangs"]; n < 1000-32-200 {
			t.Errorf("%d jobs of the lane that hangs were shed", n)
		}
		if r.shed["healthy"] != 0 || r.ran["healthy"] != 20 {
			t.Errorf("the healthy lane shed %d jobs and ran %d of 20", r.shed["healthy"], r.ran["healthy"])
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
			l.Offer("a", lane.Cap{InFlight: 2}, job{})
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
			l.Offer(fmt.Sprint(i%3), lane.Cap{InFlight: 4}, job{"x", time.Second})
		}
		l.Stop()
		l.Offer("late", lane.Cap{InFlight: 4}, job{"x", time.Second})
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
		l.Offer("a", lane.Cap{InFlight: 64}, job{})
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
				l.Offer("a", lane.Cap{InFlight: 2}, job{})
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
