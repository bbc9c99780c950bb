package company_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/company"
)

// Two that are remembered tell as much as all of them would.
func TestWhoeverElseCameLatelyIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c company.Company
		now, last := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), map[string]time.Time{}
		who := rapid.SampledFrom([]string{"acme", "beta", "gamma", ""})
		for range rapid.IntRange(0, 20).Draw(t, "visits") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "pause")) * time.Second)
			came := who.Draw(t, "who")
			c.Saw(came, now)
			if came != "" {
				last[came] = now
			}
		}
		me, after := who.Draw(t, "me"), now.Add(-time.Duration(rapid.IntRange(0, 10).Draw(t, "ago"))*time.Second)
		want := false
		for other, at := range last {
			want = want || other != me && at.After(after)
		}
		if got := c.Besides(me, after); got != want {
			t.Fatalf("%s, after %s: %v; last seen %v", me, after, got, last)
		}
	})
}
