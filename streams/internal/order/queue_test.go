package order_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/internal/order"
)

func TestElementsLeaveInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOf(rapid.Int()).Draw(t, "elements")
		q := order.By(func(a, b int) bool { return a < b })
		for _, v := range in {
			q.Push(v)
		}
		var out []int
		for q.Len() > 0 {
			first := q.First()
			if v := q.Pop(); v != first {
				t.Fatalf("first %d, popped %d", first, v)
			}
			out = append(out, first)
		}
		slices.Sort(in)
		if !slices.Equal(in, out) {
			t.Fatalf("%v left as %v", in, out)
		}
	})
}
