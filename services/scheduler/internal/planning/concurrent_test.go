package planning_test

import "testing"

// While what is due fires, in two instances, two planners change subscriptions and
// the zone, void, delete and deliver again, and an operator cancels: no plan fires
// twice, and none fires that was cancelled.
func TestAPlanFiresOnceOrIsCancelledThoughItIsPlannedAnewWhileItFires(t *testing.T) {
	fired, cancelled := 0, 0
	for seed := range uint64(30) {
		c := newCrowd(false)
		if err := c.live(t.Context(), seed); err != nil {
			t.Fatal(err)
		}
		wrong, f, n := c.judge()
		if len(wrong) > 0 {
			t.Fatalf("seed %d: %q", seed, wrong)
		}
		fired, cancelled = fired+f, cancelled+n
	}
	t.Logf("%d plans fired, %d were cancelled", fired, cancelled)
	if fired == 0 || cancelled == 0 {
		t.Error("the crowd was not busy with the same plans")
	}
}

// What holds the rule is the compare-and-set alone: without it the same crowd breaks
// it.
func TestWithoutCompareAndSetPlansFireAndAreCancelledToo(t *testing.T) {
	for seed := range uint64(2000) {
		c := newCrowd(true)
		if err := c.live(t.Context(), seed); err != nil {
			t.Fatal(err)
		}
		if wrong, _, _ := c.judge(); len(wrong) > 0 {
			t.Logf("seed %d: %s", seed, wrong[0])
			return
		}
	}
	t.Error("2,000 times nothing went wrong")
}
