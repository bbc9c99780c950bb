package breaker_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/billhook/billhook/config/breaker"
)

// The protocol by which deliveries join a backlog and leave it, step by step, in
// every order that chance makes: two instances with old views of the state, two
// readers of the backlog where a lease was lost, crashes anywhere. Each rule of
// decision 16 is broken once, and the judge must see it.

// faults are rules that are left out.
type faults struct {
	// ackUnverified acknowledges by what was seen of the state.
	ackUnverified bool
	// stateFirst reads the state before the floor.
	stateFirst bool
	// knownFirst reads the outcomes before the floor.
	knownFirst bool
	// endFirst looks up the end before the closing state is stored.
	endFirst bool
	// pastFloor reads the backlog up to the newest delivery.
	pastFloor bool
	// rememberAll remembers deliveries before it is sure that they joined.
	rememberAll bool
}

type stage int

const (
	taken stage = iota
	sending
	sent
	recorded
	stashing
	stashed
)

// world is a stream of deliveries to one endpoint, by two subscriptions.
type world struct {
	rnd      *rand.Rand
	faults   faults
	crashes  bool
	newest   uint64
	state    breaker.State
	revision int
	outcomes map[uint64]bool
	acked    map[uint64]bool
	requests map[uint64]int
	views    [2]breaker.State
	tasks    [2]map[uint64]stage
	opening  opening
	readers  [2]reader
	crashed  bool
	// memory is what the first instance remembers of the backlog, which the
	// first reader belongs to.
	memory []uint64
}

// opening is a change to open that is under way.
type opening struct {
	step     int
	revision int
	floor    uint64
}

// reader works off the backlog.
type reader struct {
	step     int
	state    breaker.State
	revision int
	floor    uint64
	end      uint64
	known    map[uint64]bool
	next     uint64
	underWay bool
}

func subscription(seq uint64) string { return fmt.Sprint("sub-", seq%2) }

func (w *world) floor() uint64 {
	f := uint64(0)
	for w.acked[f+1] {
		f++
	}
	return f
}

func (w *world) store(s breaker.State) { w.state, w.revision = s, w.revision+1 }

func (w *world) chance(n int) bool { return w.rnd.IntN(n) == 0 }

// instance makes one step of an instance of the pool.
func (w *world) instance(i int) {
	switch {
	case w.chance(4):
		w.views[i] = w.state
		return
	case w.crashes && w.chance(60):
		w.tasks[i], w.crashed = map[uint64]stage{}, true
		return
	}
	held := slices.Sorted(maps.Keys(w.tasks[i]))
	if len(held) == 0 {
		w.take(i)
		return
	}
	seq := held[w.rnd.IntN(len(held))]
	w.task(i, seq, w.tasks[i][seq])
}

func (w *world) take(i int) {
	for seq := uint64(1); seq <= w.newest; seq++ {
		if _, held := w.tasks[1-i][seq]; w.acked[seq] || held || w.chance(3) {
			continue
		}
		if _, mine := w.tasks[i][seq]; !mine {
			w.tasks[i][seq] = taken
			return
		}
	}
}

func (w *world) task(i int, seq uint64, at stage) {
	if w.chance(3) {
		w.take(i)
		return
	}
	switch at {
	case taken:
		switch {
		case w.outcomes[seq]: // it came again after a crash
			at = recorded
		case w.views[i].Absorbs():
			at = stashing
		default:
			at = sending
		}
	case sending:
		w.requests[seq]++
		at = sent
	case sent:
		w.outcomes[seq] = true
		at = recorded
	case stashing:
		if w.faults.rememberAll && i == 0 {
			w.memory = append(w.memory, seq)
		}
		at = w.stash(i, seq)
	case recorded, stashed:
		if at == stashed && i == 0 {
			w.memory = append(w.memory, seq)
		}
		w.acked[seq] = true
		delete(w.tasks[i], seq)
		return
	}
	w.tasks[i][seq] = at
}

func (w *world) stash(i int, seq uint64) stage {
	if w.faults.ackUnverified {
		return stashed
	}
	w.views[i] = w.state
	if !w.state.Absorbs() {
		return sending
	}
	if !w.state.Holds(subscription(seq), seq) {
		w.store(w.state.Hold(subscription(seq), seq))
	}
	return stashed
}

// open makes one step of opening.
func (w *world) open() {
	switch w.opening.step {
	case 0:
		w.opening = opening{step: 1, revision: w.revision}
	case 1:
		w.opening.floor, w.opening.step = w.floor(), 2
	default:
		if w.opening.revision == w.revision && !w.state.Absorbs() {
			s := w.state
			s.Phase = breaker.Open
			if s.From == 0 {
				s.From = w.opening.floor + 1
			}
			w.store(s)
		}
		w.opening = opening{}
	}
}

// read makes one step of a reader.
func (w *world) read(r *reader) {
	if w.crashes && w.chance(80) {
		*r, w.crashed = reader{}, true
		return
	}
	switch r.step {
	case 0:
		if r == &w.readers[0] {
			w.early()
		}
		w.first(r)
	case 1:
		w.second(r)
	case 2:
		w.end(r)
	case 3:
		if !w.faults.knownFirst {
			r.known = w.recorded()
		}
		r.next, r.step = r.state.From, 4
	case 4:
		w.deliver(r)
	default:
		w.reach(r)
		*r = reader{}
	}
}

// early delivers what is remembered, wherever the floor is.
func (w *world) early() {
	if w.state.Phase != breaker.Recovering && w.state.Phase != breaker.Closing {
		return
	}
	for _, seq := range w.memory {
		if seq >= w.state.From && !w.outcomes[seq] {
			w.requests[seq]++
			w.outcomes[seq] = true
		}
	}
	w.memory = nil
}

func (w *world) recorded() map[uint64]bool {
	out := map[uint64]bool{}
	for seq := range w.outcomes {
		out[seq] = true
	}
	return out
}

func (w *world) first(r *reader) {
	if w.faults.knownFirst && r.known == nil {
		r.known = w.recorded()
		return
	}
	r.end = w.newest
	if w.faults.stateFirst {
		r.state, r.revision = w.state, w.revision
	} else {
		r.floor = w.floor()
	}
	r.step = 1
}

func (w *world) second(r *reader) {
	if w.faults.stateFirst {
		r.floor = w.floor()
	} else {
		r.state, r.revision = w.state, w.revision
	}
	if w.faults.pastFloor {
		r.floor = w.newest
	}
	switch {
	case r.state.Phase == breaker.Closed:
		*r = reader{}
	case r.state.Phase == breaker.Open:
		switch {
		case w.revision != r.revision:
		case w.chance(6): // the endpoint is deleted
			w.store(r.state.Abandon())
		case w.chance(2): // the probe succeeds
			r.state.Phase = breaker.Recovering
			w.store(r.state)
		}
		*r = reader{}
	case r.state.Phase == breaker.Closing && r.state.Until == 0:
		if !w.faults.endFirst {
			r.end = w.newest
		}
		r.step = 2
	default:
		if r.state.Phase == breaker.Closing {
			r.floor = min(r.floor, r.state.Until)
		}
		r.step = 3
	}
}

// end stores the end of a backlog that closes.
func (w *world) end(r *reader) {
	if w.revision == r.revision {
		r.state.Until = max(r.end, 1)
		w.store(r.state)
	}
	*r = reader{}
}

func (w *world) deliver(r *reader) {
	switch {
	case r.underWay:
		w.outcomes[r.next], r.underWay = true, false
		r.next++
	case r.next > r.floor:
		r.step = 5
	case r.known[r.next] || !r.state.Holds(subscription(r.next), r.next) && !closing(r.state, r.next):
		r.next++
	default:
		w.requests[r.next]++
		r.underWay = true
	}
}

// closing is [breaker.State.Holds] for a state that absorbs no more.
func closing(s breaker.State, seq uint64) bool {
	s.Phase = breaker.Open
	return s.Holds(subscription(seq), seq)
}

// reach stores how far all is done, and what follows.
func (w *world) reach(r *reader) {
	s := w.state
	if s.From == r.state.From && s.Phase != breaker.Closed && r.next > s.From {
		s.From = r.next
		w.store(s)
	}
	switch next := s.Closed(); {
	case s.Phase == breaker.Recovering && w.chance(2):
		w.store(s.Close())
	case next.Phase != s.Phase:
		w.store(next)
	}
}

// play plays one run and says what is wrong.
func play(seed uint64, f faults, crashes bool) string {
	w := &world{
		rnd: rand.New(rand.NewPCG(seed, 15)), faults: f, crashes: crashes,
		outcomes: map[uint64]bool{}, acked: map[uint64]bool{}, requests: map[uint64]int{},
		tasks: [2]map[uint64]stage{{}, {}},
	}
	readers := 1
	if crashes {
		readers = 2 // a lease was lost
	}
	for range 600 {
		switch w.rnd.IntN(7) {
		case 0:
			w.newest += uint64(w.rnd.IntN(2))
		case 1:
			if w.chance(3) || w.opening.step > 0 {
				w.open()
			}
		case 2, 3:
			w.read(&w.readers[w.rnd.IntN(readers)])
		default:
			w.instance(w.rnd.IntN(2))
		}
	}
	w.crashes = false
	for range 100_000 {
		if w.state.Phase == breaker.Closed && len(w.acked) == int(w.newest) {
			break
		}
		w.read(&w.readers[0])
		w.instance(w.rnd.IntN(2))
	}
	return w.judge(crashes)
}

func (w *world) judge(crashes bool) string {
	if w.state.Phase != breaker.Closed {
		return fmt.Sprintf("never closed: %+v", w.state)
	}
	for seq := uint64(1); seq <= w.newest; seq++ {
		switch n := w.requests[seq]; {
		case n == 0:
			return fmt.Sprintf("delivery %d was lost", seq)
		case n > 1 && !crashes:
			return fmt.Sprintf("delivery %d was sent %d times", seq, n)
		}
	}
	return ""
}

func TestNoOrderOfStepsLosesOrDoublesADelivery(t *testing.T) {
	for seed := range uint64(4000) {
		if wrong := play(seed, faults{}, false); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
	}
}

func TestNoCrashAndNoLostLeaseLosesADelivery(t *testing.T) {
	for seed := range uint64(4000) {
		if wrong := play(seed, faults{}, true); wrong != "" {
			t.Fatalf("seed %d: %s", seed, wrong)
		}
	}
}

func TestEveryRuleThatIsLeftOutIsSeen(t *testing.T) {
	for name, f := range map[string]faults{
		"acknowledge by an old view":                  {ackUnverified: true},
		"read the state before the floor":             {stateFirst: true},
		"read the outcomes before the floor":          {knownFirst: true},
		"look up the end before the state is closing": {endFirst: true},
		"read beyond the floor":                       {pastFloor: true},
		"remember what has not joined":                {rememberAll: true},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(20_000) {
				if wrong := cmp.Or(play(seed, f, false), play(seed, f, true)); wrong != "" {
					t.Logf("seed %d: %s", seed, wrong)
					return
				}
			}
			t.Error("nothing is seen to be wrong without this rule")
		})
	}
}
