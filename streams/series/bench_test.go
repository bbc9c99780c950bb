package series_test

import (
	"context"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/series"
)

// slow is a receiver that answers in a millisecond.
type slow struct{ *rig }

func (s slow) Attempt(ctx context.Context, t *series.Task) (series.Answer, error) {
	<-time.After(time.Millisecond)
	return s.rig.Attempt(ctx, t)
}

// BenchmarkLane compares one lane whose receiver takes 1 ms with a loop over
// the same receiver: "ratio" is the lane's pace by the loop's.
func BenchmarkLane(b *testing.B) {
	b.Run("sync at intervals", func(b *testing.B) { lane(b) })
	b.Run("sync always", func(b *testing.B) { lane(b, natstest.WithSyncAlways()) })
}

func lane(b *testing.B, opts ...natstest.Option) {
	r := newRig(b, opts...)
	r.cfg.Plan.ByAccount = false
	r.publish(b.N, 1)
	b.ResetTimer()
	start := time.Now()
	r.rest(series.New(r.cfg, series.Deps{JS: r.js, Deliverer: slow{r}, Log: zerolog.Nop()}))
	took := time.Since(start) - r.cfg.Limits.Linger
	b.StopTimer()
	start = time.Now()
	for range b.N {
		<-time.After(time.Millisecond)
	}
	b.ReportMetric(float64(time.Since(start))/float64(took), "ratio")
	b.ReportMetric(float64(b.N)/took.Seconds(), "deliveries/s")
}
