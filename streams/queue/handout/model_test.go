package handout_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/streams/queue/handout"
)

var epoch = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

// track is what the model knows of an event: the truth that the rule has to keep
// to.
type track struct {
	acked  bool
	times  int
	ticket uint64
	until  time.Time
}

// world is a queue that several instances serve. Each has what it read of the
// stored state last, which may be old; a write counts if nobody wrote since.
type world struct {
	t        *rapid.T
	inOrder  bool
	now      time.Time
	log      []uint64 // the wanted events
	stored   []byte
	revision int
	caches   []cache
	ticket   uint64
	receipts []handout.Receipt
	events   map[uint64]*track
	calm     bool // nobody crashes any more
}

type cache struct {
	state    *handout.State
	revision int
}

func newWorld(t *rapid.T, inOrder bool) *world {
	w := &world{t: t, inOrder: inOrder, now: epoch, events: map[uint64]*track{}, caches: make([]cache, 3), stored: new(handout.State).Encode()}
	seq := uint64(0)
	for range rapid.IntRange(1, 30).Draw(t, "events") {
		seq += rapid.Uint64Range(1, 4).Draw(t, "step")
		w.log, w.events[seq] = append(w.log, seq), &track{}
	}
	return w
}

// change has an instance change the state: on what it remembers, and if that was
// old on what is stored. It reports whether the change was stored.
func (w *world) change(i int, apply func(*handout.State) bool) bool {
	for {
		c := &w.caches[i]
		if c.state == nil {
			s, err := handout.Decode(w.stored)
			if err != nil {
				w.t.Fatal(err)
			}
			*c = cache{s, w.revision}
		}
		next := c.state.Clone()
		changed := apply(next)
		if !changed {
			return false
		}
		if c.revision != w.revision {
			c.state = nil
			continue
		}
		w.revision++
		w.stored, *c = next.Encode(), cache{next, w.revision}
		return true
	}
}

func (w *world) instance() int { return rapid.IntRange(0, len(w.caches)-1).Draw(w.t, "instance") }

// pull hands out, at most so many and by chance fewer, as one whose answer grows
// too large.
func (w *world) pull(i, most int) {
	w.ticket++
	until := w.now.Add(time.Duration(rapid.IntRange(1, 5).Draw(w.t, "visibility")) * time.Second)
	cut := rapid.IntRange(1, most).Draw(w.t, "cut")
	var given []uint64
	stored := w.change(i, func(s *handout.State) bool {
		again, fresh := s.Due(w.now, w.inOrder, most)
		from, found := slices.BinarySearch(w.log, s.Head)
		if found {
			from++
		}
		next := w.log[from:min(from+fresh, len(w.log))]
		given = slices.Concat(seqs(again), next)
		given = given[:min(cut, len(given))]
		s.Give(w.ticket, until, given[:min(len(again), len(given))], given[min(len(again), len(given)):])
		return len(given) > 0
	})
	if !stored {
		return
	}
	w.judge(given)
	for _, seq := range given {
		e := w.events[seq]
		e.times, e.ticket, e.until = e.times+1, w.ticket, until
		if w.calm || !rapid.Bool().Draw(w.t, "crash before the answer") {
			w.receipts = append(w.receipts, handout.Receipt{Seq: seq, Ticket: w.ticket})
		}
	}
}

func seqs(given []handout.Given) (out []uint64) {
	for _, g := range given {
		out = append(out, g.Seq)
	}
	return out
}

// judge holds what was handed out against what is promised.
func (w *world) judge(given []uint64) {
	var unread []uint64 // in the order of events
	for _, seq := range w.log {
		if e := w.events[seq]; !e.acked {
			unread = append(unread, seq)
			if w.inOrder && e.until.After(w.now) {
				w.t.Fatalf("%v handed out while somebody has %d", given, seq)
			}
		}
	}
	if !slices.IsSorted(given) {
		w.t.Fatalf("%v not in order", given)
	}
	if w.inOrder && !slices.Equal(given, unread[:min(len(given), len(unread))]) {
		w.t.Fatalf("%v handed out, next were %v", given, unread)
	}
	for _, seq := range given {
		e := w.events[seq]
		switch {
		case e.acked:
			w.t.Fatalf("%d handed out after it was acknowledged", seq)
		case e.until.After(w.now):
			w.t.Fatalf("%d handed out while somebody has it", seq)
		}
		if e.times > 0 {
			continue
		}
		for _, before := range w.log[:slices.Index(w.log, seq)] {
			if w.events[before].times == 0 && !slices.Contains(given, before) {
				w.t.Fatalf("%d handed out, %d skipped", seq, before)
			}
		}
	}
}

// receipt draws one of those that readers have, or one that nobody has.
func (w *world) receipt() handout.Receipt {
	if len(w.receipts) == 0 || rapid.IntRange(0, 9).Draw(w.t, "forged") == 0 {
		return handout.Receipt{Seq: rapid.Uint64Range(0, 200).Draw(w.t, "seq"), Ticket: 1 << 60}
	}
	return rapid.SampledFrom(w.receipts).Draw(w.t, "receipt")
}

// settle does one of the three things that can be done with a receipt.
func (w *world) settle(want handout.Result, r handout.Receipt, until time.Time) {
	var got handout.Result
	w.change(w.instance(), func(s *handout.State) bool {
		switch want {
		case handout.Released:
			got = s.Release(r, until)
		case handout.Extended:
			got = s.Extend(r, w.now, until)
		default:
			got = s.Ack(r)
		}
		// A refusal by an old state would not be the truth: it is written, too, and
		// so is judged by the newest one.
		return true
	})
	e := w.events[r.Seq]
	expected := want
	switch {
	case e == nil || e.times == 0:
		if got == handout.Acknowledged && (e == nil && r.Ticket == 1<<60) {
			return // done with, as it never was wanted
		}
		expected = handout.Unknown
	case e.acked:
		expected = handout.Acknowledged
	case e.ticket != r.Ticket, want == handout.Extended && !e.until.After(w.now):
		expected = handout.Expired
	case want == handout.Acknowledged:
		e.acked = true
	case want == handout.Released:
		e.ticket, e.until = 0, until
	default:
		e.until = until
	}
	if got != expected {
		w.t.Fatalf("%v: %s, want %s", r, got, expected)
	}
}

func (w *world) later(least int) time.Time {
	return w.now.Add(time.Duration(rapid.IntRange(least, 4).Draw(w.t, "later")) * time.Second)
}

func TestNothingIsSkippedOrHandedOutTwiceWhateverHappens(t *testing.T) {
	for _, inOrder := range []bool{false, true} {
		t.Run(map[bool]string{false: "out of order", true: "in order"}[inOrder], func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { play(newWorld(t, inOrder)) })
		})
	}
}

func play(w *world) {
	w.t.Repeat(map[string]func(*rapid.T){
		"pull":    func(t *rapid.T) { w.pull(w.instance(), rapid.IntRange(1, 10).Draw(t, "most")) },
		"ack":     func(*rapid.T) { w.settle(handout.Acknowledged, w.receipt(), time.Time{}) },
		"release": func(*rapid.T) { w.settle(handout.Released, w.receipt(), w.later(0)) },
		"extend":  func(*rapid.T) { w.settle(handout.Extended, w.receipt(), w.later(1)) },
		"time":    func(*rapid.T) { w.now = w.later(1) },
		"crash":   func(*rapid.T) { w.caches[w.instance()] = cache{} },
	})
	w.calm = true
	// In the end every event is handed out and acknowledged, by one who takes all.
	for range len(w.log) + 1 {
		w.now = w.now.Add(time.Minute)
		w.receipts = nil
		w.pull(0, 10)
		for _, r := range w.receipts {
			w.settle(handout.Acknowledged, r, time.Time{})
		}
		for i := range w.caches {
			w.caches[i] = cache{}
		}
	}
	s, err := handout.Decode(w.stored)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, seq := range w.log {
		if e := w.events[seq]; e.times == 0 {
			w.t.Fatalf("%d was never handed out: %+v", seq, s)
		}
	}
}
