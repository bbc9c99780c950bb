package backoff_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/billhook/billhook/shared/backoff"
)

// longest is the draw that gives the longest delay, shortest the opposite.
func longest(n int64) int64 { return n - 1 }
func shortest(int64) int64  { return 0 }

func delays() *rapid.Generator[backoff.Schedule] {
	entry := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, int64(backoff.MaxDelay)).Draw(t, "delay"))
	})
	return rapid.Custom(func(t *rapid.T) backoff.Schedule {
		return rapid.SliceOfN(entry, 1, backoff.MaxEntries).Draw(t, "schedule")
	})
}

func TestTheDefaultIsTheAdvisedSchedule(t *testing.T) {
	s := backoff.Default()
	if got, want := s.String(), "0s,5s,5m,30m,2h,5h,10h,14h,20h,24h"; got != want {
		t.Errorf("Default = %s, want %s", got, want)
	}
	if p := s.Check(); p != nil {
		t.Error(p)
	}
	s[0] = time.Hour
	if backoff.Default()[0] != 0 {
		t.Error("changing one default changes all")
	}
}

func TestTheEntryBeforeAnAttemptIsItsLongestDelay(t *testing.T) {
	s := backoff.Schedule{0, 5 * time.Second, 5 * time.Minute}
	for _, row := range []struct {
		made           int
		least, longest time.Duration
		ok             bool
	}{
		{made: 0, ok: true},
		{made: 1, longest: 5 * time.Second, ok: true},
		{made: 2, longest: 5 * time.Minute, ok: true},
		{made: 3},
		{made: 4},
		{made: -1},
	} {
		low, ok := s.Next(row.made, shortest)
		high, ok2 := s.Next(row.made, longest)
		if low != 0 || high != row.longest || ok != row.ok || ok2 != row.ok {
			t.Errorf("after %d attempts: %s to %s, %v; want 0s to %s, %v", row.made, low, high, ok, row.longest, row.ok)
		}
	}
}

func TestAnEntryOfZeroDrawsNothing(t *testing.T) {
	never := func(int64) int64 { t.Error("randomness was drawn"); return 0 }
	if d, ok := (backoff.Schedule{0}).Next(0, never); d != 0 || !ok {
		t.Errorf("Next = %s, %v", d, ok)
	}
}

func TestDelaysStayWithinTheirEntry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := delays().Draw(t, "schedule")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for made := range len(s) + 2 {
			d, ok := s.Next(made, rnd.Int64N)
			if ok != (made < len(s)) || d < 0 || ok && d > s[made] || !ok && d != 0 {
				t.Fatalf("after %d attempts of %v: %s, %v", made, s, d, ok)
			}
		}
	})
}

func TestJitterUsesTheWholeEntryEvenly(t *testing.T) {
	s := backoff.Schedule{4 * time.Hour}
	rnd := rand.New(rand.NewPCG(1, 2))
	var quarters [4]int
	for range 4000 {
		d, _ := s.Next(0, rnd.Int64N)
		quarters[min(3, int(d/time.Hour))]++
	}
	for i, n := range quarters {
		if n < 850 || n > 1150 {
			t.Errorf("quarter %d was drawn %d times of 4000", i, n)
		}
	}
}

func TestSchedulesOutsideTheLimitsAreRefused(t *testing.T) {
	for _, row := range []struct {
		name     string
		schedule backoff.Schedule
		want     string
	}{
		{"one entry", backoff.Schedule{0}, ""},
		{"twenty entries", make(backoff.Schedule, 20), ""},
		{"seven days", backoff.Schedule{backoff.MaxDelay}, ""},
		{"none", nil, "schedule.length"},
		{"empty", backoff.Schedule{}, "schedule.length"},
		{"21 entries", make(backoff.Schedule, 21), "schedule.length"},
		{"more than seven days", backoff.Schedule{0, backoff.MaxDelay + 1}, "/1 schedule.delay"},
		{"negative", backoff.Schedule{-1, 0, -time.Hour}, "/0 schedule.delay, /2 schedule.delay"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, p := range row.schedule.Check() {
				got = append(got, strings.TrimSpace(p.Pointer+" "+p.Rule))
			}
			if diff := cmp.Diff(row.want, strings.Join(got, ", ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
