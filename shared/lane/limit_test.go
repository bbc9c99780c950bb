package lane_test

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/lane"
)

// begins notes when jobs begin, and how many run at a time.
type begins struct {
	mu            sync.Mutex
	at            []time.Time
	running, most int
}

func (b *begins) handler(took time.Duration) lane.Handler[job] {
	move := func(n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.running += n; n > 0 {
			b.at = append(b.at, time.Now())
		}
		b.most = max(b.most, b.running)
	}
	return lane.Handler[job]{
		Run: func(job, func()) {
			move(1)
			<-time.After(took)
			move(-1)
		},
		Shed: func(job, time.Duration) {},
		Drop: func(job) {},
	}
}

// count is how many jobs have begun.
func (b *begins) count() int {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.at)
}

// excess says where more jobs began than a rate allows, if anywhere.
func (b *begins) excess(rate float64) string {
	burst := max(1, math.Floor(rate/20))
	for i := range b.at {
		for j := i + 1; j < len(b.at) && j < i+500; j++ {
			if span := b.at[j].Sub(b.at[i]).Seconds(); float64(j-i+1) > burst+rate*span+0.001 {
				return fmt.Sprintf("%d jobs began within %v s at a rate of %v", j-i+1, span, rate)
			}
		}
	}
	return ""
}

func TestALaneRunsAtItsRateAndNeverAboveIt(t *testing.T) {
	for _, rate := range []float64{0.1, 0.5, 1, 7, 50, 400, 10_000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b begins
				l := lane.New(limits(2, 1<<20), b.handler(0))
				n := min(2_000, int(math.Ceil(rate*60)))
				for range n {
					l.Offer("a", lane.Cap{InFlight: 1, Rate: rate}, job{})
				}
				pass(time.Duration(float64(n+1) / rate * float64(time.Second)))
				l.Stop()
				if b.count() != n {
					t.Errorf("%d of %d jobs ran in the time that the rate gives them", b.count(), n)
				}
				if excess := b.excess(rate); excess != "" {
					t.Error(excess)
				}
			})
		})
	}
}

func TestJobsThatComeOneByOneKeepToTheRateToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b begins
		l := lane.New(limits(8, 100), b.handler(0))
		for range 100 {
			l.Offer("a", lane.Cap{InFlight: 4, Rate: 2}, job{})
			pass(100 * time.Millisecond) // the lane is idle when the next comes, or waits for its rate
		}
		if got := b.count(); got < 19 || got > 21 {
			t.Errorf("%d jobs began within 10 s at a rate of 2", got)
		}
		l.Stop()
	})
}

func TestALaneThatWaitsForItsRateHoldsNoPlaceOfTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(2, 100_000), r.handler())
		for i := range 1000 {
			l.Offer(fmt.Sprint("throttled-", i%50), lane.Cap{InFlight: 32, Rate: 0.1}, job{"throttled", time.Millisecond})
		}
		pass(time.Second) // each has had its first
		for range 500 {
			l.Offer("free", lane.Cap{InFlight: 32}, job{"free", time.Millisecond})
		}
		pass(600 * time.Millisecond)
		if n := r.ran["free"]; n != 500 {
			t.Errorf("%d of 500 jobs ran beside 50 lanes that wait for their rate", n)
		}
		if n := r.ran["throttled"]; n != 50 {
			t.Errorf("%d jobs of 50 lanes ran within 2 s at a rate of 0.1", n)
		}
		l.Stop()
	})
}

func TestAChangedRateHoldsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b begins
		l := lane.New(limits(8, 1000), b.handler(0))
		for range 10 {
			l.Offer("a", lane.Cap{InFlight: 1, Rate: 0.001}, job{})
		}
		pass(time.Second)
		if n := b.count(); n != 1 {
			t.Fatalf("%d began at a rate of one in 1,000 s", n)
		}
		l.Offer("a", lane.Cap{InFlight: 1, Rate: 10}, job{})
		pass(2 * time.Second)
		if n := b.count(); n != 11 {
			t.Errorf("%d of 11 began: the lane still waits for its former rate", n)
		}
		l.Offer("a", lane.Cap{InFlight: 1}, job{})
		if b.count() != 12 {
			t.Error("a lane without a limit waits")
		}
		l.Stop()
	})
}

func TestUnderPressureAThrottledLaneShedsAsFarApartAsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(8, 20), r.handler())
		defer l.Stop()
		for range 120 {
			l.Offer("a", lane.Cap{InFlight: 8, Rate: 5}, job{"a", time.Millisecond})
		}
		synctest.Wait()
		if len(r.waits) < 95 {
			t.Fatalf("%d were shed", len(r.waits))
		}
		slices.Sort(r.waits)
		for i, wait := range r.waits[1:] {
			if apart := wait - r.waits[i]; apart < 200*time.Millisecond {
				t.Fatalf("the jobs %d and %d come back within %s, at a rate of 5", i, i+1, apart)
			}
		}
	})
}

// Whatever comes and however long it takes: no job is lost, no second has more
// than the rate, no lane runs more than its cap.
func TestCapsOfLanesHoldForAnyLoad(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := lane.Cap{
			Rate: rapid.Float64Range(0.1, 200).Draw(r, "rate"), InFlight: rapid.IntRange(1, 5).Draw(r, "in flight"),
		}
		gaps := rapid.SliceOfN(rapid.IntRange(0, 300), 1, 60).Draw(r, "gaps in ms")
		took := time.Duration(rapid.IntRange(0, 400).Draw(r, "took in ms")) * time.Millisecond
		var b begins
		synctest.Test(t, func(*testing.T) {
			l := lane.New(limits(16, 1000), b.handler(took))
			for _, gap := range gaps {
				l.Offer("a", limit, job{})
				pass(time.Duration(gap) * time.Millisecond)
			}
			pass(time.Duration(float64(len(gaps)+1)/limit.Rate*float64(time.Second)) + time.Duration(len(gaps)+1)*took)
			l.Stop()
		})
		switch excess := b.excess(limit.Rate); {
		case len(b.at) != len(gaps) || b.running != 0:
			r.Fatalf("%d of %d jobs began, %d are under way", len(b.at), len(gaps), b.running)
		case b.most > limit.InFlight:
			r.Fatalf("%d ran at a time, %d may", b.most, limit.InFlight)
		case excess != "":
			r.Fatal(excess)
		}
	})
}
