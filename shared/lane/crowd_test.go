package lane_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/billhook/billhook/shared/lane"
)

// A queue of 200 ms is nothing to be put off for, but for a lane that keeps
// others from being taken in, again and again.
func TestALaneThatCrowdsOthersShedsSooner(t *testing.T) {
	for name, c := range map[string]struct {
		others  int
		lasts   time.Duration
		awaited bool
		sheds   bool
	}{
		"for long":              {others: 1, lasts: 3 * time.Second, sheds: true},
		"for long, alone":       {lasts: 3 * time.Second},
		"for a while":           {others: 1, lasts: time.Second},
		"for long, but awaited": {others: 1, lasts: 3 * time.Second, awaited: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const places, step = 800, 10 * time.Millisecond
				r := newRecord()
				l := lane.New(limits(64, 200), r.handler()) // with a patience of 2 s
				for range c.others {
					l.Offer("other", lane.Cap{InFlight: 1, Group: "other"}, job{"other", time.Millisecond})
				}
				for came, passed := 0, time.Duration(0); passed < c.lasts; passed += step {
					for ran, shed := r.of("flood"); came < places+ran+shed; came++ {
						l.Offer("flood", lane.Cap{InFlight: 8, Group: "flood", Awaited: c.awaited}, job{"flood", 2 * time.Millisecond})
					}
					pass(step)
				}
				pass(time.Second)
				if _, shed := r.of("flood"); shed > 0 != c.sheds {
					t.Errorf("%d were shed", shed)
				}
				if _, shed := r.of("other"); shed > 0 {
					t.Errorf("%d of the other's were shed", shed)
				}
				l.Stop()
			})
		})
	}
}

// An endpoint takes a second for what came at once, which is half of the
// patience.
func TestABurstThatFitsThePatienceIsNotPutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(256, 512), r.handler())
		l.Offer("other", lane.Cap{InFlight: 1, Group: "other"}, job{"other", time.Millisecond})
		for _, n := range []int{64, 800} {
			for range n {
				l.Offer("shop", lane.Cap{InFlight: 32, Group: "shop"}, job{"shop", 40 * time.Millisecond})
			}
			pass(50 * time.Millisecond) // so that it is known how fast it is
		}
		pass(5 * time.Second)
		if _, shed := r.of("shop"); shed > 0 {
			t.Errorf("%d of 800 were put off", shed)
		}
		l.Stop()
	})
}

// Each of the endpoints is done within a second with what came for it, and as
// much more comes all the time.
func TestHealthyLanesOfAGreatGroupShedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecord()
		l := lane.New(limits(400, 512), r.handler())
		l.Offer("other", lane.Cap{InFlight: 1, Group: "other"}, job{"other", time.Millisecond})
		for _, n := range []int{6, 3, 3, 3, 3, 3, 3, 3} {
			for i := range n * 300 {
				key := fmt.Sprint("great/", i%300)
				l.Offer(key, lane.Cap{InFlight: 1, Group: "great"}, job{key, 150 * time.Millisecond})
			}
			pass(450 * time.Millisecond)
		}
		for i := range 300 {
			if _, shed := r.of(fmt.Sprint("great/", i)); shed > 0 {
				t.Errorf("%d jobs of endpoint %d were put off", shed, i)
			}
		}
		l.Stop()
	})
}
