package chaos_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ofQueues judges each queue by itself; log is what it wants of EVENTS, in order.
func ofQueues(judge func(log []string, of *reading) error) func(*evidence) error {
	return func(e *evidence) error {
		var log []string
		for _, ev := range e.events {
			if strings.HasPrefix(ev.id, "acc_") || strings.HasPrefix(ev.id, "crd_") {
				log = append(log, ev.id)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(e.queues)) {
			if err := judge(log, e.queues[id]); err != nil {
				return fmt.Errorf("queue %s: %w", id, err)
			}
		}
		return nil
	}
}

// judgeDone wants every event to be handed out and acknowledged, never again after
// that was answered, and the queue to be empty then.
func judgeDone(log []string, of *reading) error {
	if len(of.bad) > 0 {
		return fmt.Errorf("answered wrongly: %v", of.bad)
	}
	if !strings.Contains(of.left, " 0 waiting, 0 handed out, 0 to be handed out again") {
		return fmt.Errorf("in the end: %s", of.left)
	}
	seen := map[string]bool{}
	for _, a := range of.answers {
		for _, e := range a.events {
			if done := of.done[e.id]; done > 0 && done < a.asked {
				return fmt.Errorf("%v handed out after it was acknowledged", e)
			}
			seen[e.id] = true
		}
	}
	for _, id := range log {
		if !seen[id] || of.done[id] == 0 {
			return fmt.Errorf("%s handed out: %t, acknowledged: %t", id, seen[id], of.done[id] > 0)
		}
	}
	return missing("events", len(log), len(of.done))
}

// judgeLine wants what comes in an answer to be the next there is: what is before
// it and not in the same answer was acknowledged, or about to be.
func judgeLine(log []string, of *reading) error {
	if !of.inOrder {
		return nil
	}
	answers := slices.SortedFunc(slices.Values(of.answers), func(a, b answer) int { return a.came - b.came })
	at := map[string]int{}
	for i, id := range log {
		at[id] = i
	}
	next := 0 // before it all is settled
	for _, a := range answers {
		settled := func(id string) bool { return of.asked[id] > 0 && of.asked[id] < a.came }
		for next < len(log) && settled(log[next]) {
			next++
		}
		here := map[string]bool{}
		for _, e := range a.events {
			here[e.id] = true
		}
		last := at[a.events[len(a.events)-1].id]
		for i := next; i <= last; i++ {
			if id := log[i]; !here[id] && !settled(id) {
				return fmt.Errorf("%v handed out before %s was settled", a.events, id)
			}
		}
	}
	return nil
}

// judgeAgain wants a reason for every repeat: the event was given back, or its time
// was over, or the hand-out before is one that nobody got, since the instance died;
// and it wants no more of the latter than the pulls without an answer asked for.
func judgeAgain(_ []string, of *reading) error {
	type got struct {
		handed
		*answer
	}
	by := map[string][]got{}
	for i := range of.answers {
		for _, e := range of.answers[i].events {
			by[e.id] = append(by[e.id], got{e, &of.answers[i]})
		}
	}
	unseen := 0
	for _, all := range by {
		slices.SortFunc(all, func(a, b got) int { return cmp.Compare(a.times, b.times) })
		unseen += all[len(all)-1].times - len(all)
		for i, g := range all[:len(all)-1] {
			after := all[i+1]
			if g.times == after.times {
				return fmt.Errorf("%v handed out twice", g.handed)
			}
			back := of.back[g.handed]
			if (back == 0 || back > after.came) && after.at.Before(g.since.Add(visibility)) {
				return fmt.Errorf("%v handed out %s after %v was asked for", after.handed, after.at.Sub(g.since), g.handed)
			}
		}
	}
	if unseen > of.unanswered {
		return fmt.Errorf("%d hand-outs came to nobody, more than %d", unseen, of.unanswered)
	}
	return nil
}

// summary says how much was read.
func (of *reading) summary() string {
	n, again := 0, 0
	for _, a := range of.answers {
		n += len(a.events)
		for _, e := range a.events {
			if e.times > 1 {
				again++
			}
		}
	}
	return fmt.Sprintf("%d hand-outs of %d events in %d answers, %d of them repeats, %d given back, at most %d to nobody",
		n, len(of.done), len(of.answers), again, len(of.back), of.unanswered)
}
