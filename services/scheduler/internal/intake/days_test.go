package intake

import (
	"fmt"
	"testing"
	"time"
)

func TestADayIsRememberedUntilItIsForgottenInBoundedMemory(t *testing.T) {
	var d days
	end := time.Date(2026, 11, 26, 23, 59, 59, 0, time.UTC)
	d.remember("a", end)
	for _, c := range []struct {
		key  string
		at   time.Time
		want bool
	}{{"a", end.Add(-time.Hour), true}, {"a", end, true}, {"a", end.Add(1), false}, {"b", end, false}} {
		if got := d.known(c.key, c.at); got != c.want {
			t.Errorf("%s %s: %v", c.key, c.at, got)
		}
	}
	if d.remember("a", time.Time{}); d.known("a", end) {
		t.Error("a is not forgotten")
	}
	for n := range daysMax + 9 {
		d.remember(fmt.Sprint(n), end)
	}
	if len(d.through) != daysMax || !d.known(fmt.Sprint(daysMax+8), end) {
		t.Errorf("%d remembered", len(d.through))
	}
	if d.clear(); len(d.through) > 0 {
		t.Error("something is left")
	}
}
