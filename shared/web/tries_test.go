package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/web"
)

func TestWhoTriedTooOftenWaitsAndNobodyElseDoes(t *testing.T) {
	tries, now := web.NewTries(), time.Date(2026, 11, 23, 9, 30, 0, 0, time.UTC)
	for i := range 10 {
		if w := tries.Wait("a", now); w != 0 {
			t.Fatalf("try %d waits %s", i+1, w)
		}
		tries.Add("a", now)
	}
	if w := tries.Wait("a", now); w != 6*time.Second {
		t.Errorf("the eleventh waits %s", w)
	}
	if w := tries.Wait("b", now); w != 0 {
		t.Errorf("somebody else waits %s", w)
	}
	for i := range 4000 { // others make nobody forgotten at once
		tries.Add(fmt.Sprint("other ", i), now)
	}
	if tries.Wait("a", now) == 0 {
		t.Error("forgotten")
	}
	if w := tries.Wait("a", now.Add(6*time.Second)); w != 0 {
		t.Errorf("after its time it waits %s", w)
	}
}
