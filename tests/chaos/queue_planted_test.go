package chaos_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// told returns what the readers of a queue with the events 0 to 8 saw, from a tale of
// what happened to them.
func told(inOrder bool, tale string) *reading {
	of := newReading(inOrder)
	of.left = "position 9, 0 waiting, 0 handed out, 0 to be handed out again"
	now, clock, times := 0, time.Unix(0, 0), map[string]int{}
	hand := func(ids []string) {
		a := answer{asked: now, came: now + 1, since: clock, at: clock}
		for _, id := range ids {
			a.events = append(a.events, handed{id, times[id]})
		}
		of.answers = append(of.answers, a)
	}
	for step := range strings.SplitSeq(tale, ", ") {
		what, digits, _ := strings.Cut(step, " ")
		ids := strings.Split(digits, "")
		now, clock = now+10, clock.Add(visibility/10)
		switch what {
		case "later":
			clock = clock.Add(visibility)
		case "unheard":
			of.unanswered += len(ids)
		case "lost", "hand":
			for _, id := range ids {
				times[id]++
			}
			if what == "hand" {
				hand(ids)
			}
		case "same":
			hand(ids)
		case "back":
			for _, id := range ids {
				of.back[handed{id, times[id]}] = now
			}
		case "ack":
			for _, id := range ids {
				of.asked[id], of.done[id] = now, now+1
			}
		case "unknown":
			of.bad = ids
		case "left":
			of.left = digits + " waiting"
		}
	}
	return of
}

func TestEachPlantedFaultOfAQueueIsSeen(t *testing.T) {
	const rest = ", hand 345, ack 345, hand 678, ack 678"
	log := strings.Split("012345678", "")
	for _, row := range []struct{ fault, tale, inOrder, outOfOrder string }{
		{"none", "hand 012, ack 012" + rest, "", ""},
		{"an event is never handed out", "hand 02, ack 02" + rest, "done line", "done"},
		{"an event is never acknowledged", "hand 012, ack 02" + rest, "done line", "done"},
		{"something is left", "hand 012, ack 012, left 1" + rest, "done", "done"},
		{"a receipt is unknown to its queue", "hand 012, ack 012, unknown 2" + rest, "done", "done"},
		{"an event comes again that was acknowledged", "hand 012, ack 012, later, hand 1" + rest, "done", "done"},
		{"a later event comes first", "hand 345, ack 345, hand 012, ack 012, hand 678, ack 678", "line", ""},
		{"a later event comes while somebody has one", "hand 01, hand 345, ack 01, ack 345, hand 2678, ack 2678", "line", ""},
		{"a later event comes before what was given back", "hand 012, back 1, ack 02, hand 345, hand 1, ack 1345, hand 678, ack 678", "line", ""},
		{"what was given back comes again", "hand 012, back 12, ack 0, hand 12, ack 12" + rest, "", ""},
		{"what was given back in part comes with what is next", "hand 012, back 1, ack 02, hand 13, ack 13, hand 45, ack 45, hand 678, ack 678", "", ""},
		{"what was left comes again after its time", "hand 012, later, hand 012, ack 012" + rest, "", ""},
		{"an event comes again while somebody has it", "hand 012, hand 012, ack 012" + rest, "again", "again"},
		{"an event comes again that was given back later", "hand 012, hand 12, back 12, ack 012" + rest, "again line", "again"},
		{"a hand-out is made twice", "hand 012, same 12, ack 012" + rest, "again line", "again"},
		{"as many came to nobody as were asked for", "unheard 012, lost 012, later, hand 012, ack 012" + rest, "", ""},
		{"more came to nobody", "unheard 01, lost 012, later, hand 012, ack 012" + rest, "again", "again"},
	} {
		for inOrder, want := range map[bool]string{true: row.inOrder, false: row.outOfOrder} {
			of := told(inOrder, row.tale)
			var seen []string
			for name, judge := range map[string]func([]string, *reading) error{"done": judgeDone, "line": judgeLine, "again": judgeAgain} {
				if judge(log, of) != nil {
					seen = append(seen, name)
				}
			}
			slices.Sort(seen)
			if got := strings.Join(seen, " "); got != want {
				t.Errorf("%s, in order %t: seen by %q, want %q", row.fault, inOrder, got, want)
			}
		}
	}
}
