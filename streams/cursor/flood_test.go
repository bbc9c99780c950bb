package cursor_test

import (
	"testing"
	"time"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
)

// sensitive takes two messages in a second for a flood, while batches are so large
// that nothing ever gathers.
func sensitive(c *cursor.Config) {
	apart(c)
	c.Lanes.Spread, c.Lanes.Least = time.Minute, 0.5
}

// fewAtATime publishes messages of a behind those sent, a few once those before
// are handled, until it is enough. It returns all that are sent then.
func (r *rig) fewAtATime(sent []string, enough func() bool) []string {
	r.t.Helper()
	for !enough() {
		few := bodies(len(sent)+1, len(sent)+5)
		sent = append(sent, few...)
		r.publish("src.a", few...)
		r.eventually("they are handled", func() bool { return len(r.writtenByKey()["a"]) == len(sent) })
	}
	return sent
}

// rounds is enough after so many.
func rounds(n int) func() bool {
	return func() bool { n--; return n < 0 }
}

// What is published one after another is handled as it comes and never gathers,
// but keeps every processor from the others.
func TestAKeyThatFloodsGivesWayAlthoughNothingOfItHasGathered(t *testing.T) {
	r := newRig(t)
	var n count
	r.start(keyed(opened()), sensitive, n.counted)
	r.publish("src.b", "b1")
	sent := r.fewAtATime(nil, func() bool { return n.aside.Load() > 0 })
	r.publish("src.b", "b2")
	r.awaitWritten(len(sent) + 2)
	r.sameKey("a", sent)
}

func TestAKeyThatFloodsDoesNotGiveWayWhereNobodyIsToWaitForOthers(t *testing.T) {
	r := newRig(t)
	var n count
	r.start(keyed(opened()), sensitive, n.counted, func(c *cursor.Config) { c.Lanes.Spread = 0 })
	r.publish("src.b", "b1")
	r.fewAtATime(nil, rounds(6))
	if n := n.aside.Load(); n > 0 {
		t.Errorf("it was set aside %d times", n)
	}
}

// Those whom a flood hinders may all be read by other cursors.
func TestAKeyGivesWayForTheSakeOfThoseOfOtherCursors(t *testing.T) {
	for name, shared := range map[string]bool{"who are its neighbours": true, "who are not": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			here, there := &cursor.Neighbours{}, &cursor.Neighbours{}
			if shared {
				there = here
			}
			with := func(n *cursor.Neighbours) func(*cursor.Config) {
				return func(c *cursor.Config) { c.Lanes.Neighbours = n }
			}
			r.start(keyed(opened()), sensitive, with(there), func(c *cursor.Config) {
				c.Name, c.Filters = "test.2", []string{"src.b"}
				c.Fence = fence.Fence{Stream: sink, Filter: "out.1.b"}
			})
			r.publish("src.b", "b1")
			r.awaitWritten(1)
			var n count
			r.start(keyed(opened()), sensitive, with(here), n.counted, func(c *cursor.Config) {
				c.Filters = []string{"src.a"}
				c.Fence = fence.Fence{Stream: sink, Filter: "out.1.a"}
			})
			enough := rounds(6)
			r.fewAtATime(nil, func() bool { return n.aside.Load() > 0 || !shared && enough() })
			if set := n.aside.Load() > 0; set != shared {
				t.Errorf("set aside %t, want %t", set, shared)
			}
		})
	}
}

// Else an owner that sends much all day would lag behind each restart until it is
// known once more.
func TestWhatComesAllTheTimeIsNoFloodToTheNextHolder(t *testing.T) {
	// 4,000 in the last ten minutes are more than six a second.
	const known = 4000
	r := newRig(t)
	r.publish("src.a", bodies(1, known)...)
	first := r.start(keyed(opened()), sensitive)
	r.eventually("they are told of by the checkpoint", func() bool { return r.position() == known })
	first.halt()
	var n count
	r.start(keyed(opened()), sensitive, n.counted)
	r.publish("src.b", "b1")
	r.publish("src.a", bodies(known+1, known+8)...)
	r.awaitWritten(known + 9)
	if n := n.aside.Load(); n > 0 {
		t.Errorf("it was set aside %d times", n)
	}
}

// Else who sends much all day would be a lane for good: read twice, and rested.
func TestAKeyThatSendsNoMoreThanItDoesAllTheTimeGoesWithTheOthersAgain(t *testing.T) {
	r := newRig(t)
	r.flood(100)
	var n count
	r.start(keyed(opened()), apart, batches, n.counted, func(c *cursor.Config) {
		// Between two ticks come more messages than a batch of a lane, and far
		// fewer than are usual.
		c.Lanes.Linger, c.Lanes.Spread, c.Lanes.Least = 200*time.Millisecond, time.Minute, 1e6
	})
	r.eventually("it is set aside", func() bool { return n.aside.Load() > 0 })
	often := rounds(1000)
	sent := r.fewAtATime(bodies(1, 100), func() bool { return n.back.Load() > 0 || often() })
	if n.back.Load() == 0 {
		t.Error("it lags for good")
	}
	r.awaitWritten(len(sent) + 2)
	r.sameKey("a", sent)
}
