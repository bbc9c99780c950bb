package pace_test

import (
	"fmt"
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
			n, spare := pace.Backlog{Messages: left, Least: least, Left: may - now}.Due(now - before)
			if n < 1 || n > left {
				t.Fatalf("%d of %d are due", n, left)
			}
			before = now - spare
			took := turn + time.Duration(n)*each
			if rest := pace.Rest(took, false); rest < 0 || took+rest < pace.Shortest {
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
		if n, _ := (pace.Backlog{Messages: 5000, Least: 250, Left: left}).Due(time.Millisecond); n != 5000 {
			t.Errorf("with %s left %d of 5,000 are due", left, n)
		}
	}
}

func TestARestIsBoundedWhateverATurnWaitedFor(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: pace.Shortest, time.Millisecond: 9 * time.Millisecond, 10 * time.Millisecond: 20 * time.Millisecond, time.Hour: pace.Longest,
	} {
		if got := pace.Rest(took, false); got != want {
			t.Errorf("after %s a rest of %s, want %s", took, got, want)
		}
	}
}

// With batches of a few, what is due would never be reached otherwise.
func TestAFullTurnDoesNotWaitForMore(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: 0, time.Millisecond: 2 * time.Millisecond, 10 * time.Millisecond: 20 * time.Millisecond, time.Hour: pace.Longest,
	} {
		if got := pace.Rest(took, true); got != want {
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
		rates := pace.NewRates(100*time.Second, nil, 0)
		for s := range history {
			if s%apart > 0 {
				continue
			}
			for n := range rate * apart {
				rates.Saw("busy", noon.Add(time.Duration(s)*time.Second+time.Duration(n)*time.Second/time.Duration(rate*apart)))
			}
		}
		got := rates.Of("busy")
		if got < 0.85*float64(rate) || apart == 1 && got > 1.01*float64(rate) {
			t.Fatalf("%.0f a second are known, where %d come", got, rate)
		}
		// The oldest of those that are behind is always young, so nothing hurries.
		const turn, left = 10 * time.Millisecond, time.Hour
		// Above the rate by a quarter of what is known of it, or by a sixteenth.
		most := time.Duration(behind/(0.06*float64(rate))*float64(time.Second)) + time.Second
		var took, spare time.Duration
		for came := float64(rate) * turn.Seconds(); behind > 2*came+1; took += turn {
			var n int
			n, spare = pace.Backlog{Messages: int(behind), Least: 200, Rate: got, Left: left}.Due(turn + spare)
			behind += came - float64(n)
			if took > most {
				t.Fatalf("%.0f are behind after %s", behind, took)
			}
		}
	})
}

// load is so many messages of a key a second, for some seconds.
type load struct {
	key           string
	rate, seconds int
}

// come has all of a load come, and returns when the last of it did.
func (l load) come(to *pace.Rates, from time.Time) (until time.Time) {
	for n := range l.rate * l.seconds {
		until = from.Add(time.Duration(n) * time.Second / time.Duration(l.rate))
		to.Saw(l.key, until)
	}
	return until
}

var noon = time.Unix(1_795_000_000, 0)

const tenMinutes = 10 * time.Minute

func TestAFloodOfAMinuteHardlyCountsForHowMuchComesAllDay(t *testing.T) {
	for name, flood := range map[string]load{"as fast as can be": {"calm", 30_000, 3}, "one after another": {"calm", 1500, 60}} {
		t.Run(name, func(t *testing.T) {
			rates := pace.NewRates(tenMinutes, nil, 0)
			for i := range 5 {
				at := noon.Add(time.Duration(i) * time.Second)
				rates.Saw("calm", at)
				rates.Saw("other", at)
			}
			end := flood.come(rates, noon.Add(5*time.Second))
			if got := rates.Of("calm"); got > 300 {
				t.Errorf("%.0f a second behind a flood of %d", got, flood.rate*flood.seconds)
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

func TestAFloodIsMoreThanTwiceOfWhatComesAllTheTime(t *testing.T) {
	const least = 100
	for name, c := range map[string]struct {
		known map[string]float64
		comes int
		want  bool
	}{
		"more than twice the least":          {nil, 201, true},
		"twice the least":                    {nil, 200, false},
		"twice of what comes all the time":   {map[string]float64{"a": 1000}, 2000, false},
		"more than twice of it":              {map[string]float64{"a": 1000}, 2100, true},
		"what of another comes all the time": {map[string]float64{"b": 1000}, 201, true},
		"less than the least comes all day":  {map[string]float64{"a": 10}, 201, true},
		"nothing":                            {nil, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			rates := pace.NewRates(tenMinutes, c.known, 0)
			// All of it within one second, however late, and as much of another.
			for range c.comes {
				rates.Saw("b", noon.Add(300*time.Millisecond))
				rates.Saw("a", noon.Add(300*time.Millisecond))
			}
			if got := rates.Flood("a", least); got != c.want {
				t.Errorf("flood %t, want %t", got, c.want)
			}
		})
	}
}

func TestASecondThatIsOverIsNoFlood(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil, 0)
	load{"a", 1000, 1}.come(rates, noon)
	if !rates.Flood("a", 100) {
		t.Error("1,000 in a second are no flood")
	}
	rates.Saw("b", noon.Add(time.Second))
	if rates.Flood("a", 100) {
		t.Error("the flood of the second before still is one")
	}
}

func TestWhatIsKnownIsKnownToWhoeverComesNext(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil, 0)
	load{"busy", 500, 300}.come(rates, noon)
	rates.Saw("calm", noon.Add(300*time.Second))
	known := rates.Above(100)
	if len(known) != 1 || known["busy"] < 450 || known["busy"] > 510 {
		t.Fatalf("known above 100 a second: %v", known)
	}
	next := pace.NewRates(tenMinutes, known, 0)
	if got := next.Of("busy"); got != known["busy"] {
		t.Errorf("%.0f a second before the first message, want %.0f", got, known["busy"])
	}
	// A pause between the two is no time in which nothing came.
	later := noon.Add(time.Hour)
	next.Saw("calm", later)
	if got := next.Of("busy"); got != known["busy"] {
		t.Errorf("%.0f a second at the first message, want %.0f", got, known["busy"])
	}
	load{"busy", 500, 20}.come(next, later)
	if got := next.Of("busy"); got < 400 || got > 550 {
		t.Errorf("%.0f a second after 20 seconds more of 500", got)
	}
}

func TestWhatIsKnownFadesWithTheTimeInWhichNobodyRead(t *testing.T) {
	known := map[string]float64{"busy": 1000}
	for ago, want := range map[time.Duration]float64{-time.Hour: 1000, 0: 1000, tenMinutes: 368, 24 * time.Hour: 0} {
		if got := pace.NewRates(tenMinutes, known, ago).Of("busy"); got < want-1 || got > want+1 {
			t.Errorf("%.1f a second %s later, want %.0f", got, ago, want)
		}
	}
}

// Nothing else may come to tell that time has passed.
func TestAFloodThatIsOverFadesInQuiet(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil, 0)
	rates.Quiet(time.Hour)
	load{"a", 1500, 180}.come(rates, noon)
	if got := rates.Of("a"); got < 1000 {
		t.Fatalf("%.0f a second are known of 1,500 in three minutes", got)
	}
	for range 60 {
		rates.Quiet(time.Second)
	}
	// The average of ten minutes is left of it.
	if got := rates.Of("a"); got < 300 || got > 450 {
		t.Errorf("%.0f a second are known a minute later", got)
	}
	if rates.Flood("a", 100) {
		t.Error("a flood goes on that is over")
	}
}

func TestAClockThatIsSetBackMakesNoFlood(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil, 0)
	load{"a", 100, 10}.come(rates, noon)
	before := rates.Of("a")
	for s := range 60 {
		load{"a", 100, 1}.come(rates, noon.Add(time.Duration(s)*time.Second-time.Hour))
		if rates.Flood("a", 60) {
			t.Fatalf("100 a second are a flood %d seconds after the clock was set back", s)
		}
	}
	if got := rates.Of("a"); got < before || got > 101 {
		t.Errorf("%.1f a second are known, where 100 come and %.1f were known before", got, before)
	}
}

func TestOfManyWhoCameOnceNobodyIsRemembered(t *testing.T) {
	rates := pace.NewRates(tenMinutes, nil, 0)
	load{"busy", 500, 60}.come(rates, noon)
	for n := range 10_000 {
		rates.Saw(fmt.Sprint("made up ", n), noon.Add(time.Minute))
	}
	rates.Forget()
	if got := rates.Of("made up 1"); got > 0 {
		t.Errorf("%.4f a second are known of one who came once", got)
	}
	if got := rates.Of("busy"); got < 40 {
		t.Errorf("%.0f a second are known of who sends 500", got)
	}
}
