package command

import (
	"testing"
	"time"
)

func TestAMomentIsATimeOrHowLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(-24 * time.Hour), "0s": now, "2026-11-24T18:00:00+01:00": now.Add(-19 * time.Hour),
	} {
		if got, ok := moment(text, now); !ok || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"yesterday", "-1h", "5", "2026-11-24", "2026-11-24 18:00:00"} {
		if got, ok := moment(text, now); ok {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}
