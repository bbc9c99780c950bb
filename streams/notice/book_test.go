package notice

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOneIsToldPerThingAndWindowAndNoneIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBook(time.Minute)
		now := time.Unix(rapid.Int64Range(0, 1<<31).Draw(t, "begin"), 0)
		raised, counted := map[thing]int{}, map[thing]int{}
		last := map[thing]int64{}
		tell := func() {
			for _, n := range b.due(now) {
				of := thing{n.Kind, n.Owner, n.Thing}
				if window, before := last[of]; before && window >= n.window {
					t.Fatalf("%v told twice in window %d", of, window)
				}
				last[of] = n.window
				counted[of] += n.Count
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "pass")))
			n := Notice{
				Kind: rapid.SampledFrom(Kinds()[:2]).Draw(t, "kind"), Owner: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "owner"),
				Thing: rapid.SampledFrom([]string{"x", "y"}).Draw(t, "thing"), Count: rapid.IntRange(0, 3).Draw(t, "count"),
			}
			if !b.add(n, now) {
				t.Fatal("no room")
			}
			raised[thing{n.Kind, n.Owner, n.Thing}] += max(1, n.Count)
			if rapid.Bool().Draw(t, "tell") {
				tell()
			}
		}
		tell()
		for wait, waits := b.next(now); waits; wait, waits = b.next(now) {
			now = now.Add(wait)
			tell()
		}
		for of, n := range raised {
			if counted[of] != n {
				t.Fatalf("%v was raised for %d and told for %d", of, n, counted[of])
			}
		}
	})
}

func TestWhatWasHeldBackIsToldInTheOrderInWhichItLastHappened(t *testing.T) {
	b := newBook(time.Minute)
	now := time.Unix(600, 0)
	kinds := func() (out []Kind) {
		for _, n := range b.due(now) {
			out = append(out, n.Kind)
		}
		return out
	}
	for _, k := range []Kind{EndpointThrottled, EndpointRecovered, EndpointThrottled, EndpointRecovered} {
		b.add(Notice{Kind: k, Owner: "acme", Thing: "e"}, now)
		kinds()
	}
	b.add(Notice{Kind: EndpointThrottled, Owner: "acme", Thing: "e"}, now)
	now = now.Add(time.Minute)
	if got := fmt.Sprint(kinds()); got != "[endpoint.recovered endpoint.throttled]" {
		t.Errorf("told %s: the owner would believe that the endpoint works", got)
	}
}

func TestTheBookIsBoundedAndMakesRoomWithTheNextWindow(t *testing.T) {
	b := newBook(time.Minute)
	now := time.Unix(600, 0)
	add := func(i int) bool {
		return b.add(Notice{Kind: DeliveryParked, Owner: "acme", Thing: fmt.Sprint(i)}, now)
	}
	for i := range maxThings {
		if !add(i) {
			t.Fatalf("no room for the thing %d", i)
		}
	}
	if add(maxThings) {
		t.Error("there is room without end")
	}
	if !add(0) {
		t.Error("a thing that is known needs room")
	}
	if n := len(b.due(now)); n != maxThings {
		t.Errorf("%d told", n)
	}
	if add(maxThings) {
		t.Error("what was told in this window is forgotten, so it would be told again")
	}
	now = now.Add(time.Minute)
	if !add(maxThings) {
		t.Error("former windows still take the room")
	}
}
