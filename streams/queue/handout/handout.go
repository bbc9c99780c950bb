// Package handout is the rule of who has which event of a queue, and for how
// long, as pure values:
//
//	      Head                  wanted events behind it are new
//	───────●────────────────▶   up to it all were handed out, and those not
//	  Out  3 7 8                in Out are acknowledged
//
//	new ──Give──▶ given ──Ack──▶ acknowledged
//	                │ ▲
//	  time is over, │ │ Give
//	        Release ▼ │
//	               free
//
// What is given is nobody else's until its time is over. In order, nothing is
// given while anything else still is, and what comes next begins with what was
// given before and not acknowledged. It refuses to know events: it knows their
// sequences in EVENTS.
package handout

import (
	"slices"
	"time"
)

// MaxOut is how many events may be handed out and not acknowledged at once.
const MaxOut = 10_000

// MaxHold is for how long at most an event is somebody's, or given back to be nobody's.
const MaxHold = 12 * time.Hour

// skew is how far clocks may differ. What would be held for longer than MaxHold by
// more than that was handed out by a clock that was wrong, and a queue in order
// would stand still for as long as that was ahead.
const skew = time.Hour

// State is how far a queue has been read.
type State struct {
	// Head is the sequence up to which every wanted event was handed out.
	Head uint64
	// Out are those that are not acknowledged, by their sequences.
	Out []Given
	// Gap is what retention took last, unread.
	Gap Gap
}

// Given is an event that was handed out.
type Given struct {
	Seq uint64
	// Times is how often it was.
	Times int
	// Ticket is that of the hand-out; 0 after its reader gave it back.
	Ticket uint64
	// Until is the moment from which on somebody else may get it.
	Until time.Time
}

// Gap is a stretch of EVENTS, from behind After to before First, that was
// removed before it was read. What of it was wanted nobody can tell any more.
type Gap struct {
	After, First uint64
	At           time.Time
}

// Short reports whether EVENTS ended before what was read of it, at First, as when
// it was restored from a back-up or made again.
func (g *Gap) Short() bool { return g.First <= g.After && g.First > 0 }

// Receipt says which event was handed out, and when.
type Receipt struct{ Seq, Ticket uint64 }

// Result is what became of a receipt.
type Result string

// The results.
//
//	acknowledged  the event is done with: now, or it was before
//	released      the event is free, at once or at the moment asked for
//	extended      the event is its reader's until the moment asked for
//	expired       the event's time was over, or it was given back, and the receipt
//	              does not count any more: another one does, or will
//	unknown       there is no such receipt
const (
	Acknowledged Result = "acknowledged"
	Released     Result = "released"
	Extended     Result = "extended"
	Expired      Result = "expired"
	Unknown      Result = "unknown"
)

// Clone returns a state that shares nothing with s.
func (s *State) Clone() *State {
	next := *s
	next.Out = slices.Clone(s.Out)
	return &next
}

// free reports whether an event may be handed out again.
func (g *Given) free(now time.Time) bool {
	return !now.Before(g.Until) || g.Until.Sub(now) > MaxHold+skew
}

// Due returns what may be handed out now, at most n: events that were handed out
// before, and how many new ones. Who hands out less takes the first of them, and
// new ones behind all of those alone.
func (s *State) Due(now time.Time, inOrder bool, n int) (again []Given, fresh int) {
	held := func(g Given) bool { return !g.free(now) }
	if inOrder && slices.ContainsFunc(s.Out, held) {
		return nil, 0
	}
	for _, g := range s.Out {
		if held(g) {
			continue
		}
		if len(again) == n {
			return again, 0
		}
		again = append(again, g)
	}
	return again, max(0, min(n-len(again), MaxOut-len(s.Out)))
}

// Give hands out what is due. The new ones must be behind Head.
func (s *State) Give(ticket uint64, until time.Time, again, fresh []uint64) {
	for _, seq := range again {
		if i, ok := s.find(seq); ok {
			g := &s.Out[i]
			g.Times, g.Ticket, g.Until = g.Times+1, ticket, until
		}
	}
	for _, seq := range fresh {
		s.Out = append(s.Out, Given{Seq: seq, Times: 1, Ticket: ticket, Until: until})
		s.Head = seq
	}
}

// Pass moves Head over what is not wanted.
func (s *State) Pass(seq uint64) { s.Head = max(s.Head, seq) }

// Drop forgets an event that retention removed while it was out.
func (s *State) Drop(seq uint64, at time.Time) {
	if i, ok := s.find(seq); ok {
		s.Out = slices.Delete(s.Out, i, i+1)
		s.Gap = Gap{After: seq - 1, First: seq + 1, At: at}
	}
}

// Rewind forgets what is behind a sequence: EVENTS ends there, and the sequences
// behind it will be those of other events.
func (s *State) Rewind(last uint64) {
	i, _ := s.find(last + 1)
	s.Head, s.Out = min(s.Head, last), s.Out[:i]
}

// Lapse forgets all that retention removed while it was out: EVENTS begins with
// first.
func (s *State) Lapse(first uint64, at time.Time) {
	if i, _ := s.find(first); i > 0 {
		s.Gap = Gap{After: s.Out[0].Seq - 1, First: first, At: at}
		s.Out = slices.Delete(s.Out, 0, i)
	}
}

// Ack acknowledges an event. One that nobody else got since is acknowledged also
// after its time.
func (s *State) Ack(r Receipt) Result {
	i, failed := s.held(r)
	if failed != "" {
		return failed
	}
	s.Out = slices.Delete(s.Out, i, i+1)
	return Acknowledged
}

// Release gives an event back, to be free from a moment on.
func (s *State) Release(r Receipt, at time.Time) Result {
	i, failed := s.held(r)
	if failed != "" {
		return failed
	}
	s.Out[i].Ticket, s.Out[i].Until = 0, at
	return Released
}

// Extend moves the moment at which an event is free. It is too late for one that
// is.
func (s *State) Extend(r Receipt, now, until time.Time) Result {
	i, failed := s.held(r)
	switch {
	case failed != "":
		return failed
	case s.Out[i].free(now):
		return Expired
	}
	s.Out[i].Until = until
	return Extended
}

// held finds the event of a receipt, or says what is to be answered.
func (s *State) held(r Receipt) (int, Result) {
	i, ok := s.find(r.Seq)
	switch {
	case r.Ticket == 0 || r.Seq == 0 || r.Seq > s.Head:
		return 0, Unknown
	case !ok:
		return 0, Acknowledged
	case s.Out[i].Ticket != r.Ticket:
		return 0, Expired
	}
	return i, ""
}

func (s *State) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(s.Out, seq, func(g Given, seq uint64) int {
		switch {
		case g.Seq < seq:
			return -1
		case g.Seq > seq:
			return 1
		}
		return 0
	})
}

// Next returns when the next event that is out becomes free, or in order the last
// one; zero when all are.
func (s *State) Next(now time.Time, inOrder bool) (next time.Time) {
	for i := range s.Out {
		until := s.Out[i].Until
		if s.Out[i].free(now) {
			continue
		}
		if next.IsZero() || until.Before(next) != inOrder {
			next = until
		}
	}
	return next
}

// Held returns how many events somebody has now, and how many wait to be handed
// out again.
func (s *State) Held(now time.Time) (held, again int) {
	for i := range s.Out {
		if s.Out[i].free(now) {
			again++
		} else {
			held++
		}
	}
	return held, again
}
