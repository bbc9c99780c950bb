package series

import (
	"slices"
	"testing"
)

// blameless is a history without a fault: two lanes, a failure, a take-over
// with the one repeat that it may cost.
func blameless() (course, []entry) {
	c := course{subscription: "sub", head: Block, lanes: map[string][]uint64{"a": {1, 3, 5, 7}, "b": {2, 4}}}
	send := func(lane string, seq, epoch uint64, accepted bool) entry {
		return entry{kind: sent, subscription: "sub", lane: lane, seq: seq, epoch: epoch, accepted: accepted}
	}
	return c, []entry{
		{kind: claimed, epoch: 1},
		send("a", 1, 1, true), send("b", 2, 1, true), send("a", 3, 1, false), send("a", 3, 1, true), send("a", 5, 1, true),
		{kind: claimed, epoch: 2},
		send("a", 5, 2, true), send("b", 4, 2, true), send("a", 7, 2, true),
	}
}

func TestTheJudgeFindsNothingWhereThereIsNothing(t *testing.T) {
	c, h := blameless()
	if found := judged(c, h); len(found) > 0 {
		t.Errorf("blamed for %q", found)
	}
}

func TestTheJudgeFindsEveryPlantedFault(t *testing.T) {
	for name, plant := range map[string]func([]entry) []entry{
		"swap two":    func(h []entry) []entry { h[5], h[9] = h[9], h[5]; return h },
		"drop one":    func(h []entry) []entry { return slices.Delete(h, 2, 3) },
		"drop a last": func(h []entry) []entry { return h[:len(h)-1] },
		"repeat an old one after a newer": func(h []entry) []entry {
			old := h[1]
			old.epoch = 2
			return append(h, old)
		},
		"repeat without a take-over": func(h []entry) []entry { return slices.Insert(h, 2, h[1]) },
		"deliver to another subscription": func(h []entry) []entry {
			h[2].subscription = "other"
			return h
		},
		"skip under block": func(h []entry) []entry { return slices.Delete(h, 4, 5) },
		"park under block": func(h []entry) []entry {
			h[4].kind = parked
			return h
		},
	} {
		c, h := blameless()
		if found := judged(c, plant(h)); len(found) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}
