package places_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/places"
)

// waiter is one that waits, with its owner.
type waiter struct {
	owner  string
	number int
}

// wanted takes out of those that wait, in the order in which they came, the one
// whose turn it is by the rule: a walk over all of them.
func wanted(waiting []waiter, held map[string]int) (waiter, []waiter) {
	best := 0
	for i, w := range waiting {
		if held[w.owner] < held[waiting[best].owner] {
			best = i
		}
	}
	next := waiting[best]
	return next, append(waiting[:best:best], waiting[best+1:]...)
}

func TestAPlaceGoesToAnOwnerWhoHoldsTheFewestAndToTheOneThatWaitedForLongest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := places.New[waiter]()
		held := map[string]int{}
		var waiting []waiter
		owners := rapid.IntRange(1, 6).Draw(t, "owners")
		for i := range rapid.IntRange(1, 200).Draw(t, "steps") {
			owner := fmt.Sprint("o", rapid.IntRange(1, owners).Draw(t, "owner"))
			switch what := rapid.IntRange(0, 7).Draw(t, "what"); {
			case what < 4:
				waiting = append(waiting, waiter{owner, i})
				p.Wait(owner, waiter{owner, i})
			case what == 4:
				held[owner]++
				p.Hold(owner)
			case what == 5 && held[owner] > 0:
				held[owner]--
				p.Free(owner)
			default:
				got, ok := p.Next()
				if ok != (len(waiting) > 0) {
					t.Fatalf("a place was given: %v, while %d waited", ok, len(waiting))
				}
				if !ok {
					continue
				}
				var want waiter
				if want, waiting = wanted(waiting, held); got != want {
					t.Fatalf("%v got the place, want %v; held %v", got, want, held)
				}
				held[got.owner]++
			}
			if p.Len() != len(waiting) {
				t.Fatalf("%d wait, want %d", p.Len(), len(waiting))
			}
		}
	})
}

func TestWhoeverHasThousandsWaitingHoldsUpItsOwn(t *testing.T) {
	p := places.New[string]()
	for range 5000 {
		p.Wait("many", "many")
	}
	for range 4 {
		p.Next()
	}
	p.Wait("few", "few")
	p.Wait("few", "few")
	p.Wait("one", "one")
	p.Free("many")
	var got []string
	for range 5 {
		v, _ := p.Next()
		got = append(got, v)
	}
	if want := "[few one few many many]"; fmt.Sprint(got) != want {
		t.Errorf("places went to %v, want %s", got, want)
	}
}

func BenchmarkNext(b *testing.B) {
	p := places.New[int]()
	for i := range 100_000 {
		p.Wait(fmt.Sprint("o", i%1000), i)
	}
	for b.Loop() {
		v, _ := p.Next()
		owner := fmt.Sprint("o", v%1000)
		p.Wait(owner, v)
		p.Free(owner)
	}
}
