package inorder_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// flawless is the evidence of a run of two senders: a subscription with one
// lane and one with a lane for each of two accounts, four events. The sender at
// door 0 is frozen before arrival 4, with a request under way in every lane that
// is repeated at door 1.
func flawless() *evidence {
	line, one, two := lane{"line", ""}, lane{"each", "A-1"}, lane{"each", "A-2"}
	e := &evidence{
		course: map[lane][]step{
			line: {{"e1", 11}, {"e2", 12}, {"e3", 13}, {"e4", 14}},
			one:  {{"e1", 11}, {"e3", 13}}, two: {{"e2", 12}, {"e4", 14}},
		},
		disruptions: []disruption{{at: 4, door: 0, repeats: 1}},
	}
	come := func(door int, l lane, place int) {
		s := e.course[l][place]
		e.came = append(e.came, arrival{lane: l, step: s, id: fmt.Sprint("dlv_", l.subscription, s.event), door: door, accepted: true})
	}
	come(0, line, 0) // 0
	come(0, one, 0)  // 1
	come(0, line, 1) // 2
	come(0, two, 0)  // 3
	come(1, line, 1) // 4, again
	come(1, one, 0)  // 5, again
	come(1, line, 2) // 6
	come(1, one, 1)  // 7
	come(1, two, 1)  // 8
	come(1, line, 3) // 9
	for epoch, sub := range []string{"line", "each", "line", "each"} {
		e.records = append(e.records, record{subscription: sub, epoch: uint64(epoch/2 + 1), watermark: uint64(10 + epoch)})
	}
	for _, a := range e.came {
		r := record{subscription: a.subscription, epoch: 2, watermark: 14, delivered: a.id}
		if !slices.Contains(e.records, r) {
			e.records = append(e.records, r)
		}
	}
	return e
}

// A judge that cannot see a fault proves nothing.
func TestEachPlantedFaultIsSeenByItsJudges(t *testing.T) {
	const order, again, checkpoint, records = "every lane comes whole and in order", "a take-over repeats one request of a lane",
		"the checkpoint moves on", "every delivery has its id and is done once"
	for _, row := range []struct {
		fault string
		plant func(*evidence)
		seen  []string
	}{
		{"none", func(*evidence) {}, nil},
		{"two are swapped", func(e *evidence) { e.came[6], e.came[9] = e.came[9], e.came[6] }, []string{order}},
		{"two of different lanes are swapped", func(e *evidence) { e.came[6], e.came[7] = e.came[7], e.came[6] }, nil},
		{"one is dropped", func(e *evidence) { e.came = slices.Delete(e.came, 6, 7) }, []string{order}},
		{"the last is dropped", func(e *evidence) { e.came = e.came[:9] }, []string{order}},
		{"the next one comes although one was refused", func(e *evidence) { e.came[6].accepted = false }, []string{order}},
		{"an old one comes after a newer", func(e *evidence) { e.came = append(e.came, with(e.came[8], e.came[3])) }, []string{order}},
		{"a frozen sender ends what it had begun", func(e *evidence) {
			e.came = append(slices.Delete(e.came, 4, 5), e.came[2])
		}, nil},
		{"a frozen sender goes on", func(e *evidence) { e.came = append(e.came, e.came[2]) }, []string{again}},
		{"a repeat without a disruption", func(e *evidence) { e.disruptions = nil }, []string{again}},
		{"a repeat after an orderly stop", func(e *evidence) { e.disruptions[0].repeats = 0 }, []string{again}},
		{"one comes to another subscription", func(e *evidence) { e.came[7].lane = lane{"line", ""} }, []string{again, records, order}},
		{"one comes to another account", func(e *evidence) { e.came[7].account = "A-2" }, []string{order}},
		{"a sequence is wrong", func(e *evidence) { e.came[6].seq++ }, []string{order}},
		{"a repeat has another id", func(e *evidence) { e.came[4].id = "other" }, []string{records}},
		{"one is recorded twice", func(e *evidence) { e.records = append(e.records, e.records[len(e.records)-1]) }, []string{records}},
		{"one is not recorded", func(e *evidence) { e.records = e.records[:len(e.records)-1] }, []string{records}},
		{"the checkpoint moves back", func(e *evidence) { e.records[4].watermark--; e.records[2].watermark = 14 }, []string{checkpoint}},
		{"a former holder's outcome is stored", func(e *evidence) { e.records[6].epoch = 1 }, []string{checkpoint}},
	} {
		e := flawless()
		row.plant(e)
		var seen []string
		for _, name := range slices.Sorted(maps.Keys(judges())) {
			if judges()[name](e) != nil {
				seen = append(seen, name)
			}
		}
		slices.Sort(row.seen)
		if !slices.Equal(seen, row.seen) {
			t.Errorf("%s: seen by %q, want %q", row.fault, seen, row.seen)
		}
	}
}

// with is an arrival at the door of another one.
func with(at, what arrival) arrival {
	what.door = at.door
	return what
}
