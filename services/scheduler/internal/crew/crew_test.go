package crew

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheWorkOfAKeyIsDoneInOrder(t *testing.T) {
	var mu sync.Mutex
	got := map[string][]int{}
	err := Run(4, func(give Give) error {
		for n := range 1000 {
			key := fmt.Sprint(n % 7)
			give(key, func() error {
				mu.Lock()
				defer mu.Unlock()
				got[key] = append(got[key], n)
				return nil
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for key, list := range got {
		if total += len(list); !slices.IsSorted(list) {
			t.Errorf("key %s out of order", key)
		}
	}
	if total != 1000 {
		t.Errorf("%d of 1000 done", total)
	}
}

func TestNothingBeginsAfterAnError(t *testing.T) {
	failure, done := errors.New("no"), 0
	err := Run(1, func(give Give) error {
		give("a", func() error { return failure })
		for range 100 {
			give("a", func() error { done++; return nil })
		}
		return nil
	})
	if !errors.Is(err, failure) || done > 0 {
		t.Errorf("%v, %d done", err, done)
	}
}
