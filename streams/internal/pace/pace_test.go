package pace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/internal/pace"
)

// TestABacklogIsSpreadEvenlyOverTheTimeThatItMayWait works one off, where a turn
// takes a while and each of the backlog some more.
func TestABacklogIsSpreadEvenlyOverTheTimeThatItMayWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.IntRange(1, 200_000).Draw(t, "backlog")
		may := time.Duration(rapid.IntRange(10, 200).Draw(t, "seconds")) * time.Second
		turn := time.Duration(rapid.IntRange(0, 5000).Draw(t, "µs a turn")) * time.Microsecond
		each := time.Duration(rapid.IntRange(0, 30).Draw(t, "µs each")) * time.Microsecond
		// The rate asked for, and what can be reached with the rests.
		least := rapid.Float64Range(100, 5000).Draw(t, "least")
		rate := max(least, float64(all)/may.Seconds())
		possible := 3*float64(each)*rate < 0.5*float64(time.Second)
		var now, before time.Duration
		for left := all; left > 0; {
			n, spare := pace.Due(left, least, 0, may-now, now-before)
			if n < 1 || n > left {
				t.Fatalf("%d of %d are due", n, left)
			}
			before = now - spare
			took := turn + time.Duration(n)*each
			if rest := pace.Rest(took); rest < 0 || took+rest < pace.Shortest {
				t.Fatalf("%s of rest after %s", rest, took)
			} else {
				now += took + rest
			}
			left -= n
			// One is due in any turn, however short the time since the last.
			if done, most := float64(all-left), 1.2*rate*now.Seconds()+1; possible && done > most {
				t.Fatalf("%.0f done after %s, at most %.0f at %.0f a second", done, now, most, rate)
			}
			if left > 0 && possible && now > may+time.Second {
				t.Fatalf("%d of %d are left after %s, where they may wait for %s", left, all, now, may)
			}
		}
	})
}

func TestWhatHasWaitedLongEnoughIsDueAtOnce(t *testing.T) {
	for _, left := range []time.Duration{0, -time.Hour} {
		if n, _ := pace.Due(5000, 250, 0, left, time.Millisecond); n != 5000 {
			t.Errorf("with %s left %d of 5,000 are due", left, n)
		}
	}
}

func TestARestIsBoundedWhateverATurnWaitedFor(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: pace.Shortest, time.Millisecond: 9 * time.Millisecond, 10 * time.Millisecond: 20 * time.Millisecond, time.Hour: pace.Longest,
	} {
		if got := pace.Rest(took); got != want {
			t.Errorf("after %s a rest of %s, want %s", took, got, want)
		}
	}
}

// A pace below the rate at which more come would be a limit that nobody set, and
// whoever fell behind once would never catch up.
func TestWhoSendsMuchAllDayCatchesUpAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(500, 2000).Draw(t, "a second")
		// By fits and starts is known by the average of a while.
		apart := rapid.SampledFrom([]int{1, 1, 5, 20}).Draw(t, "seconds apart")
		history := rapid.IntRange(300, 400).Draw(t, "seconds seen")
		behind := float64(rapid.IntRange(1, 20_000).Draw(t, "backlog"))
		const spread = 100 * time.Second
		rates, began := pace.NewRates(spread, nil), noon
		for s := range history {
			if s%apart > 0 {
				continue
			}
			for n := range rate * apart {
				rates.Saw("busy", began.Add(time.Duration(s)*time.Second+time.Duration(n)*time.Second/time.Duration(rate*apart)))
			}
		}
		got := rates.Of("busy")
		if got < 0.85*float64(rate) || apart == 1 && got > 1.01*float64(rate) {
			t.Fatalf("%.0f a second are known, where %d come", got, rate)
		}
		// What is behind came just now; how long the rest of it takes.
		const turn = 4 * time.Millisecond
		var took time.Duration
		for came := float64(rate) * turn.Seconds(); behind > 2*came+1; took += turn {
			n, _ := pace.Due(int(behind), 250, got, spread-took, turn)
			behind += came - float64(n)
			if took > spread {
				t.Fatalf("%.0f are behind after %s", behind, took)
			}
		}
	})
}

// comes has so many messages of a key come a second, for some seconds.
func comes(rates *pace.Rates, key string, rate int, from time.Time, seconds int) (until time.Time) {
	for n := range rate * seconds {
		until = from.Add(time.Duration(n) * time.Second / time.Duration(rate))
		rates.Saw(key, until)
	}
	return until
}

var noon = time.Unix(1_795_000_000, 0)

const tenMinutes = 10 * time.Minute

func TestAFloodOfAMinuteHardlyCountsForHowMuchComesAllDay(t *testing.T) {
	for name, c := range map[string]struct{ rate, seconds int }{"as fast as can be": {30_000, 3}, "one after another": {1500, 60}} {
		t.Run(name, func(t *testing.T) {
			rates := pace.NewRates(tenMinutes, nil)
			for i := range 5 {
				at := noon.Add(time.Duration(i) * time.Second)
				rates.Saw("calm", at)
				rates.Saw("other", at)
			}
			end := comes(rates, "calm", c.rate, noon.Add(5*time.Second), c.seconds)
			if got := rates.Of("calm"); got > 300 {
				t.Errorf("%.0f a second behind a flood of %d", got, c.rate*c.seconds)
			}
			if got := rates.Of("other"); got > 1.1 {
				t.Errorf("%.2f of another one a second, which came 5 times", got)
			}
			rates.Saw("other", end.Add(20*tenMinutes))
			rates.Forget()
			if got := rates.Of("calm"); got != 0 {
				t.Errorf("%.2f a second of one that is long gone", got)
			}
			if got := rates.Of("nobody"); got != 0 {
				t.Errorf("%.2f of nobody", got)
			}
		})
	}
}

func TestAFloodIsMoreThanWhatComesAllTheTimeAndThanAllOthers(t *testing.T) {
	const least = 100
	for name, c := range map[string]struct {
		known  map[string]float64
		others int
		comes  int
		want   bool
	}{
		"more than twice the least":            {nil, 50, 201, true},
		"twice the least":                      {nil, 50, 200, false},
		"as much as all others":                {nil, 300, 300, false},
		"more than all others":                 {nil, 300, 301, true},
		"twice of what comes all the time":     {map[string]float64{"a": 1000}, 50, 2000, false},
		"more than twice of it":                {map[string]float64{"a": 1000}, 50, 2100, true},
		"what of another comes all the time":   {map[string]float64{"b": 1000}, 50, 201, true},
		"less than the least comes all day":    {map[string]float64{"a": 10}, 50, 201, true},
		"nobody is flooded by nothing":         {nil, 0, 0, false},
		"a flood of whom nothing was known is": {map[string]float64{}, 0, 201, true},
	} {
		t.Run(name, func(t *testing.T) {
			rates := pace.NewRates(tenMinutes, c.known)
			// All of it within one second, however late.
			at := noon.Add(300 * time.Millisecond)
			for i := range max(c.others, c.comes) {
				if i < c.others {
					rates.Saw("b", at)
				}
				if i < c.comes {
					rates.Saw("a", at)
				}
			}
			if got := rates.Flood("a", least); got != c.want {
				t.Errorf("flood %t, want %t", got, c.want)
			}
		})
	}
}

func TestASecondThatIsOverIsNoFlood(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil)
	comes(rates, "a", 1000, noon, 1)
	if !rates.Flood("a", 100) {
		t.Error("1,000 in a second are no flood")
	}
	rates.Saw("b", noon.Add(time.Second))
	if rates.Flood("a", 100) {
		t.Error("the flood of the second before still is one")
	}
}

func TestWhatIsKnownIsKnownToWhoeverComesNext(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil)
	comes(rates, "busy", 500, noon, 300)
	comes(rates, "calm", 1, noon.Add(299*time.Second), 1)
	known := rates.Above(100)
	if len(known) != 1 || known["busy"] < 450 || known["busy"] > 510 {
		t.Fatalf("known above 100 a second: %v", known)
	}
	next := pace.NewRates(tenMinutes, known)
	if got := next.Of("busy"); got != known["busy"] {
		t.Errorf("%.0f a second before the first message, want %.0f", got, known["busy"])
	}
	// A pause between the two is no time in which nothing came.
	later := noon.Add(time.Hour)
	next.Saw("calm", later)
	if got := next.Of("busy"); got != known["busy"] {
		t.Errorf("%.0f a second at the first message, want %.0f", got, known["busy"])
	}
	comes(next, "busy", 500, later, 20)
	if got := next.Of("busy"); got < 400 || got > 550 {
		t.Errorf("%.0f a second after 20 seconds more of 500", got)
	}
}
