// Package inorder runs senders as separate processes, stops and kills them
// under load, and judges by what came to the receiver: ordered webhooks keep
// their order, nothing is lost, and a take-over repeats one request per lane at
// most.
package inorder_test

import (
	"errors"
	"fmt"
)

// lane is what is in order: a subscription, or one account of it.
type lane struct{ subscription, account string }

// step is one event of a lane, with its sequence in EVENTS.
type step struct {
	event string
	seq   int
}

// arrival is a webhook as it came to the receiver.
type arrival struct {
	lane
	step
	// id is the webhook-id, door where it came in, which says by which sender.
	id       string
	door     int
	accepted bool
}

// disruption is what was done to a sender.
type disruption struct {
	// at is how many webhooks had come in before.
	at int
	// door is the sender's, repeats how many repeats of each lane it excuses.
	door, repeats int
}

// record is a message of a subscription's holder in OUTCOMES.
type record struct {
	subscription     string
	epoch, watermark uint64
	// delivered is the id of the delivery that it says is done; empty for any
	// other record.
	delivered string
}

// evidence is what a run left behind, each in its order.
type evidence struct {
	course      map[lane][]step // what should come
	came        []arrival
	disruptions []disruption
	records     []record
}

// judges are the promises, each with who holds the evidence to it.
func judges() map[string]func(*evidence) error {
	return map[string]func(*evidence) error{
		"every lane comes whole and in order":        judgeOrder,
		"a take-over repeats one request of a lane":  judgeRepeats,
		"the checkpoint moves on":                    judgeCheckpoint,
		"every delivery has its id and is done once": judgeRecords,
	}
}

// walk goes through the arrivals with, of each, its place in its lane and how
// much of the lane was finished before it. An arrival that belongs to no lane
// has the place -1.
func (e *evidence) walk(see func(i, at, done int)) map[lane]int {
	places := map[lane]map[string]int{}
	for l, steps := range e.course {
		places[l] = map[string]int{}
		for i, s := range steps {
			places[l][s.event] = i
		}
	}
	done := map[lane]int{}
	for i, a := range e.came {
		at, ok := places[a.lane][a.event]
		if !ok {
			at = -1
		}
		see(i, at, done[a.lane])
		if a.accepted && at == done[a.lane] {
			done[a.lane]++
		}
	}
	return done
}

// during returns the last disruption before an arrival; none excuses nothing.
func (e *evidence) during(i int) (n int, d disruption) {
	d.door = -1
	for k, next := range e.disruptions {
		if next.at <= i {
			n, d = k+1, next
		}
	}
	return n, d
}

// judgeOrder wants the events of each lane one after another: the next one comes
// when the one before was accepted. A repeat is for the newest, but for a
// request that a sender had begun before it was disrupted.
func judgeOrder(e *evidence) error {
	var found []error
	done := e.walk(func(i, at, done int) {
		a := e.came[i]
		switch {
		case at < 0:
			found = append(found, fmt.Errorf("%s came to %v, which it is not for", a.event, a.lane))
		case e.course[a.lane][at] != a.step:
			found = append(found, fmt.Errorf("%s came with the sequence %d, want %d", a.event, a.seq, e.course[a.lane][at].seq))
		case at > done:
			found = append(found, fmt.Errorf("%s came to %v before %s was accepted", a.event, a.lane, e.course[a.lane][done].event))
		case at < done-1:
			if _, d := e.during(i); d.door != a.door {
				found = append(found, fmt.Errorf("%s came to %v again after a newer one", a.event, a.lane))
			}
		}
	})
	for l, steps := range e.course {
		if n := done[l]; n < len(steps) {
			found = append(found, fmt.Errorf("%s never came to %v", steps[n].event, l))
		}
	}
	return errors.Join(found...)
}

// judgeRepeats counts, for each disruption and lane, what came again after it
// had been accepted.
func judgeRepeats(e *evidence) error {
	type key struct {
		lane
		disruption int
	}
	repeats := map[key]int{}
	var found []error
	e.walk(func(i, at, done int) {
		if at < 0 || at >= done {
			return
		}
		n, d := e.during(i)
		k := key{e.came[i].lane, n}
		if repeats[k]++; repeats[k] > d.repeats {
			found = append(found, fmt.Errorf("%s came to %v again: repeat %d after disruption %d", e.came[i].event, k.lane, repeats[k], n))
		}
	})
	return errors.Join(found...)
}

// judgeCheckpoint wants epochs and watermarks that never fall: then nothing was
// stored that a former holder had done.
func judgeCheckpoint(e *evidence) error {
	last := map[string]record{}
	for i, r := range e.records {
		if before := last[r.subscription]; r.epoch < before.epoch || r.watermark < before.watermark {
			return fmt.Errorf("record %d of %s: epoch %d and watermark %d after %d and %d", i, r.subscription, r.epoch, r.watermark,
				before.epoch, before.watermark)
		}
		last[r.subscription] = r
	}
	return nil
}

// judgeRecords wants one webhook-id for each event of a lane, and one record
// that it was delivered.
func judgeRecords(e *evidence) error {
	type what struct {
		lane
		event string
	}
	ids, of := map[what]string{}, map[string]what{}
	for _, a := range e.came {
		w := what{a.lane, a.event}
		if id, known := ids[w]; known && id != a.id {
			return fmt.Errorf("%s came to %v as %s and as %s", a.event, a.lane, id, a.id)
		}
		if other, known := of[a.id]; known && other != w {
			return fmt.Errorf("%s is both of %v and of %v", a.id, other, w)
		}
		ids[w], of[a.id] = a.id, w
	}
	delivered := map[string]int{}
	for _, r := range e.records {
		if r.delivered != "" {
			delivered[r.delivered]++
		}
	}
	for id, w := range of {
		if delivered[id] != 1 {
			return fmt.Errorf("%s of %v is recorded as delivered %d times", id, w, delivered[id])
		}
	}
	return nil
}
