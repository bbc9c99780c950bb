package cursor_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/fence"
)

// sensitive takes more than a message a second for a flood, while batches are so
// large that nothing ever gathers.
func sensitive(c *cursor.Config) {
	apart(c)
	c.Lanes.Spread, c.Lanes.Least = time.Minute, 0.5
}

// oneByOne publishes messages of a, each once the one before is handled, until
// one is enough.
func (r *rig) oneByOne(enough func() bool) (sent []string) {
	r.t.Helper()
	for !enough() {
		body := fmt.Sprint(len(sent) + 1)
		sent = append(sent, body)
		r.publish("src.a", body)
		r.eventually("it is handled", func() bool { return len(r.writtenByKey()["a"]) == len(sent) })
	}
	return sent
}

// What is published one after another is handled as it comes and never gathers,
// but keeps every processor from the others.
func TestAKeyThatFloodsGivesWayAlthoughNothingOfItHasGathered(t *testing.T) {
	r := newRig(t)
	var n count
	r.start(keyed(opened()), sensitive, n.counted)
	r.publish("src.b", "b1")
	sent := r.oneByOne(func() bool { return n.aside.Load() > 0 })
	r.publish("src.b", "b2")
	r.awaitWritten(len(sent) + 2)
	r.sameKey("a", sent)
}

func TestAKeyThatFloodsDoesNotGiveWayWhereNobodyIsToWaitForOthers(t *testing.T) {
	r := newRig(t)
	var n count
	r.start(keyed(opened()), sensitive, n.counted, func(c *cursor.Config) { c.Lanes.Spread = 0 })
	r.publish("src.b", "b1")
	sent := 0
	r.oneByOne(func() bool { sent++; return sent > 30 })
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
			sent := 0
			r.oneByOne(func() bool { sent++; return n.aside.Load() > 0 || !shared && sent > 30 })
			if set := n.aside.Load() > 0; set != shared {
				t.Errorf("set aside %t, want %t", set, shared)
			}
		})
	}
}

// Else an owner that sends much all day would lag behind each restart until it is
// known once more.
func TestWhatComesAllTheTimeIsNoFloodToTheNextHolder(t *testing.T) {
	r := newRig(t)
	r.publish("src.a", bodies(1, 1000)...)
	first := r.start(keyed(opened()), sensitive)
	r.awaitWritten(1000)
	first.halt()
	var n count
	r.start(keyed(opened()), sensitive, n.counted)
	r.publish("src.b", "b1")
	r.publish("src.a", bodies(1001, 1010)...)
	r.awaitWritten(1011)
	if n := n.aside.Load(); n > 0 {
		t.Errorf("it was set aside %d times", n)
	}
}
