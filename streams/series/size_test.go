package series_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/series/position"
)

// TestTheGreatestPositionIsSmallBesideAnOutcome has as many accounts lag as may:
// every outcome of those that do not lag carries the place of all of them.
func TestTheGreatestPositionIsSmallBesideAnOutcome(t *testing.T) {
	p := position.Position{Epoch: 100, Watermark: 1 << 40, Lanes: map[string]position.Lane{}}
	for i := range series.DefaultBlocked + series.DefaultParallel {
		account := fmt.Sprintf("%s%04d", strings.Repeat("a", 60), i)
		p.Lanes[account] = position.Lane{
			First: 1<<40 - 1, Attempts: 1000, Next: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
			Kept: delivery.ID("acme", "s", account, uint64(i)),
		}
	}
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if most := 48 << 10; len(b) > most {
		t.Errorf("the position of a subscription may have %d bytes, more than %d", len(b), most)
	}
}
