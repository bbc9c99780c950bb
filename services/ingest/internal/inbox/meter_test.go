package inbox

import (
	"testing"
	"time"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/quota"
)

// The messages of one owner may come behind later ones of another.
func TestAnOwnerThatLagsIsCountedOnceToo(t *testing.T) {
	m, noon := newMeter(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	take := func(id string, seq uint64) string {
		o := owner.Owner{ID: id, Quotas: owner.Quotas{EventsPerDay: 2}}
		return m.take(o, seq, noon, quota.Cost{Events: 1}).Exceeded
	}
	m.begin()
	if got := take("globex", 100); got != "" {
		t.Fatalf("refused: %s", got)
	}
	for range 3 { // the same batch, handled again
		m.begin()
		for i, want := range []string{"", "", quota.EventsPerDay} {
			if got := take("acme", uint64(i+1)); got != want {
				t.Errorf("message %d: %q, want %q", i+1, got, want)
			}
		}
	}
}
