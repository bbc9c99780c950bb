package timer

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAMomentIsNotBeforeItsInstant(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		more time.Duration
		want int64
	}{{0, 0}, {1, 1}, {time.Second - 1, 1}, {time.Second, 1}} {
		if got := At(3, at.Add(c.more)); got.Unix != at.Unix()+c.want || got.Time().Before(at.Add(c.more)) {
			t.Errorf("%s later: %v", c.more, got)
		}
	}
}

func TestMarksTellKeysAndMomentsApart(t *testing.T) {
	type pair struct {
		unix int64
		key  string
	}
	draw := rapid.Custom(func(r *rapid.T) pair {
		return pair{rapid.Int64Range(0, 5).Draw(r, "unix"), rapid.StringMatching("[ab]{0,2}").Draw(r, "key")}
	})
	mark := func(p pair) Mark { return Moment{Unix: p.unix}.MarkOf(p.key) }
	rapid.Check(t, func(r *rapid.T) {
		var set Marks
		known := map[pair]bool{}
		for _, p := range rapid.SliceOf(draw).Draw(r, "added") {
			set.Add(mark(p))
			known[p] = true
		}
		set.Sort()
		if p := draw.Draw(r, "asked"); set.Has(mark(p)) != known[p] {
			r.Fatalf("%+v is said to be in: %v", p, !known[p])
		}
	})
}
