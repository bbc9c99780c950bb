package recent_test

import (
	"fmt"
	"testing"

	"github.com/billhook/billhook/services/webhook-sender/internal/recent"
)

func TestADeliveryHasOneWorkerAndNoAttemptTwice(t *testing.T) {
	l := recent.New(10)
	begin := func(id string, made int, want recent.Claim) func() bool {
		return func() bool { return l.Begin(id, made) == want }
	}
	for i, step := range []func() bool{
		begin("a", 0, recent.Yours),
		begin("a", 0, recent.Busy),
		begin("a", 1, recent.Busy),
		func() bool { l.End("a", 0); return l.Begin("a", 0) == recent.Yours },
		func() bool { l.End("a", 1); return l.Begin("a", 0) == recent.Made },
		begin("a", 1, recent.Yours),
		begin("b", 0, recent.Yours),
		func() bool { return !l.Again("b") }, // somebody works at it
		func() bool { l.End("b", 3); return l.Begin("b", 1) == recent.Made },
		func() bool { return l.Again("b") && l.Begin("b", 9) == recent.Busy }, // asked for again
	} {
		if !step() {
			t.Fatalf("step %d", i+1)
		}
	}
}

func TestMemoryIsBoundedAndKeepsTheNewestAndTheBusy(t *testing.T) {
	const size = 100
	l := recent.New(size)
	if l.Begin("busy", 0) != recent.Yours {
		t.Fatal("not begun")
	}
	for i := range 50 * size {
		id := fmt.Sprint(i)
		if l.Begin(id, 0) != recent.Yours {
			t.Fatalf("%s is known", id)
		}
		l.End(id, 1)
		if i >= size && l.Begin(fmt.Sprint(i-size/2), 0) == recent.Yours {
			t.Fatalf("%d was forgotten at %d", i-size/2, i)
		}
		if old := fmt.Sprint(i - 4*size); i > 4*size && i%size == 0 {
			if l.Begin(old, 0) != recent.Yours {
				t.Fatalf("%s is still known at %d", old, i)
			}
			l.End(old, 1)
		}
	}
	if l.Begin("busy", 0) != recent.Busy {
		t.Fatal("what is being worked at was forgotten")
	}
}
