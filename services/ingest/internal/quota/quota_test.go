package quota_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/services/ingest/internal/quota"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func acme(q owner.Quotas) owner.Owner { return owner.Owner{ID: "acme", Quotas: q} }

func TestNoQuotaBoundsNothing(t *testing.T) {
	l := quota.New()
	for range 10_000 {
		if v := l.Take(acme(owner.Quotas{}), noon, quota.Cost{Events: 1000, Bytes: 1 << 20}); v.Exceeded != "" {
			t.Fatalf("exceeded %s", v.Exceeded)
		}
	}
}

func TestRateAllowsOneSecondAtOnceAndThenItsPace(t *testing.T) {
	l, o := quota.New(), acme(owner.Quotas{EventsPerSecond: 5})
	one := quota.Cost{Events: 1}
	for i := range 5 {
		if v := l.Take(o, noon, one); v.Exceeded != "" {
			t.Fatalf("event %d of the burst refused", i)
		}
	}
	v := l.Take(o, noon, one)
	if v.Exceeded != quota.EventsPerSecond || v.After != 200*time.Millisecond {
		t.Fatalf("sixth event: %+v", v)
	}
	if v := l.Take(o, noon.Add(v.After), one); v.Exceeded != "" {
		t.Fatalf("refused after the wait it named: %+v", v)
	}
}

func TestBatchAboveTheRatePassesAndIsPaidForAfterwards(t *testing.T) {
	l, o := quota.New(), acme(owner.Quotas{EventsPerSecond: 5})
	if v := l.Take(o, noon, quota.Cost{Events: 50}); v.Exceeded != "" {
		t.Fatalf("batch refused: %+v", v)
	}
	if v := l.Take(o, noon, quota.Cost{Events: 1}); v.After != 9200*time.Millisecond {
		t.Fatalf("next event: %+v", v)
	}
}

func TestDayCountsEndAtMidnightUTC(t *testing.T) {
	for name, q := range map[string]owner.Quotas{
		quota.EventsPerDay: {EventsPerDay: 2},
		quota.BytesPerDay:  {BytesPerDay: 25},
	} {
		l, o, c := quota.New(), acme(q), quota.Cost{Events: 1, Bytes: 10}
		l.Take(o, noon, c)
		l.Take(o, noon, c)
		v := l.Take(o, noon, c)
		if v.Exceeded != name || v.After != 12*time.Hour {
			t.Errorf("%s: third event: %+v", name, v)
		}
		if v := l.Take(o, noon.Add(v.After), c); v.Exceeded != "" {
			t.Errorf("%s: first event of the next day: %+v", name, v)
		}
	}
}

func TestDayCountsSurviveARestart(t *testing.T) {
	l, o := quota.New(), acme(owner.Quotas{EventsPerDay: 2})
	l.Take(o, noon, quota.Cost{Events: 2})
	used, err := l.Used()
	if err != nil {
		t.Fatal(err)
	}
	again := quota.New()
	if err := again.Restore(used); err != nil {
		t.Fatal(err)
	}
	if v := again.Take(o, noon, quota.Cost{Events: 1}); v.Exceeded != quota.EventsPerDay {
		t.Fatalf("after the restart: %+v", v)
	}
}

func TestOwnersDoNotUseEachOthersQuotas(t *testing.T) {
	l := quota.New()
	q := owner.Quotas{EventsPerDay: 1}
	l.Take(acme(q), noon, quota.Cost{Events: 1})
	if v := l.Take(owner.Owner{ID: "globex", Quotas: q}, noon, quota.Cost{Events: 1}); v.Exceeded != "" {
		t.Fatalf("globex refused: %+v", v)
	}
}

// Over any stretch no more passes than the rate and one second's burst.
func TestRateHoldsOverEveryStretch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond := rapid.IntRange(1, 50).Draw(t, "rate")
		l, o := quota.New(), acme(owner.Quotas{EventsPerSecond: perSecond})
		at, passed := noon, 0
		for range rapid.IntRange(1, 300).Draw(t, "asks") {
			at = at.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "pause")) * time.Millisecond)
			if l.Take(o, at, quota.Cost{Events: 1}).Exceeded == "" {
				passed++
			}
		}
		if most := float64(perSecond)*at.Sub(noon).Seconds() + float64(perSecond) + 1; float64(passed) > most {
			t.Fatalf("%d passed in %s at %d/s", passed, at.Sub(noon), perSecond)
		}
	})
}
