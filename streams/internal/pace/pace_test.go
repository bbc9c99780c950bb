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
		rate := max(pace.Least, float64(all)/may.Seconds())
		possible := 3*float64(each)*rate < 0.5*float64(time.Second)
		var now, before time.Duration
		for left := all; left > 0; {
			n, spare := pace.Due(left, 0, may-now, now-before)
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
		if n, _ := pace.Due(5000, 0, left, time.Millisecond); n != 5000 {
			t.Errorf("with %s left %d of 5,000 are due", left, n)
		}
	}
}

func TestARestIsBoundedWhateverATurnWaitedFor(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: pace.Shortest, time.Millisecond: 2 * time.Millisecond, 10 * time.Millisecond: 20 * time.Millisecond, time.Hour: pace.Longest,
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
		rate := rapid.IntRange(500, 20_000).Draw(t, "a second")
		// By fits and starts is known by the average of a while.
		apart := rapid.SampledFrom([]int{1, 1, 5, 20}).Draw(t, "seconds apart")
		history := rapid.IntRange(25, 60).Draw(t, "seconds seen")
		if apart > 1 {
			history += 300
		}
		behind := float64(rapid.IntRange(1, 20_000).Draw(t, "backlog"))
		const spread = 100 * time.Second
		rates, began := pace.NewRates(spread), time.Unix(1_795_000_000, 0)
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
			n, _ := pace.Due(int(behind), got, spread-took, turn)
			behind += came - float64(n)
			if took > spread {
				t.Fatalf("%.0f are behind after %s", behind, took)
			}
		}
	})
}

func TestAFloodHardlyCountsForHowMuchComesAllDay(t *testing.T) {
	const spread, flood = 100 * time.Second, 100_000
	rates, at := pace.NewRates(spread), time.Unix(1_795_000_000, 0)
	for range 5 {
		at = at.Add(time.Second)
		rates.Saw("calm", at)
		rates.Saw("other", at)
	}
	for range flood {
		at = at.Add(30 * time.Microsecond)
		rates.Saw("calm", at)
	}
	if got := rates.Of("calm"); got < 900 || got > 1100 {
		t.Errorf("%.0f a second behind a flood of %d, which is 1,000 over %s", got, flood, spread)
	}
	if got := rates.Of("other"); got < 0.04 || got > 1.1 {
		t.Errorf("%.2f of another one a second, which came 5 times", got)
	}
	rates.Saw("other", at.Add(20*spread))
	rates.Forget()
	if got := rates.Of("calm"); got != 0 {
		t.Errorf("%.2f a second of one that is long gone", got)
	}
	if got := rates.Of("nobody"); got != 0 {
		t.Errorf("%.2f of nobody", got)
	}
}
