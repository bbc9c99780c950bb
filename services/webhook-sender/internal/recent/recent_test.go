package recent_test

import (
	"fmt"
	"testing"

	"github.com/billhook/billhook/services/webhook-sender/internal/recent"
)

func TestADeliveryHasOneWorkerAndNoAttemptTwice(t *testing.T) {
	l := recent.New(10)
	for _, step := range []struct {
		do   func() bool
		want bool
	}{
		{func() bool { return l.Begin("a", 0) }, true},
		{func() bool { return l.Begin("a", 0) }, false}, // somebody works at it
		{func() bool { l.End("a", 0); return l.Begin("a", 0) }, true},
		{func() bool { l.End("a", 1); return l.Begin("a", 0) }, false}, // made already
		{func() bool { return l.Begin("a", 1) }, true},
		{func() bool { return l.Begin("b", 0) }, true},
	} {
		if got := step.do(); got != step.want {
			t.Fatalf("got %v, want %v", got, step.want)
		}
	}
}

func TestMemoryIsBoundedAndKeepsTheNewestAndTheBusy(t *testing.T) {
	const size = 100
	l := recent.New(size)
	if !l.Begin("busy", 0) {
		t.Fatal("not begun")
	}
	for i := range 50 * size {
		id := fmt.Sprint(i)
		if !l.Begin(id, 0) {
			t.Fatalf("%s is known", id)
		}
		l.End(id, 1)
		if i >= size && l.Begin(fmt.Sprint(i-size/2), 0) {
			t.Fatalf("%d was forgotten at %d", i-size/2, i)
		}
		if old := fmt.Sprint(i - 4*size); i > 4*size && i%size == 0 {
			if !l.Begin(old, 0) {
				t.Fatalf("%s is still known at %d", old, i)
			}
			l.End(old, 1)
		}
	}
	if l.Begin("busy", 0) {
		t.Fatal("what is being worked at was forgotten")
	}
}
