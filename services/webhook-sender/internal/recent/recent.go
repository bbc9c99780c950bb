// Package recent remembers what became of the last deliveries of this process,
// so that a delivery that comes a second time is known without asking the
// server. It forgets the oldest; what must be known for good is in OUTCOMES.
package recent

import "sync"

// Log is a bounded memory. It may be used by many goroutines.
type Log struct {
	mu         sync.Mutex
	size       int
	young, old map[string]*entry
}

type entry struct {
	// busy is true while somebody works at the delivery, made the number of
	// attempts that are recorded.
	busy bool
	made int
}

// New returns a memory of about the last size deliveries, twice as many at
// most, beside those that are being worked at.
func New(size int) *Log {
	return &Log{size: size, young: map[string]*entry{}, old: map[string]*entry{}}
}

// Claim is what became of a claim.
type Claim uint8

const (
	// Yours says that the caller works at the delivery from now on.
	Yours Claim = iota
	// Busy says that somebody else works at it.
	Busy
	// Made says that more attempts were made than the caller knows of. It has a repeat.
	Made
)

// Begin claims a delivery with made attempts behind it.
func (l *Log) Begin(id string, made int) Claim {
	return l.claim(id, func(e *entry) bool { return e.made <= made })
}

// Again claims a delivery that is asked for again, whatever was made before. It
// returns false while somebody works at it.
func (l *Log) Again(id string) bool {
	return l.claim(id, func(*entry) bool { return true }) == Yours
}

func (l *Log) claim(id string, free func(*entry) bool) Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.young[id]
	if !ok {
		e, ok = l.old[id]
	}
	switch {
	case !ok:
		e = &entry{}
	case e.busy:
		return Busy
	case !free(e):
		return Made
	}
	if _, ok := l.young[id]; !ok {
		l.turn()
		l.young[id] = e
	}
	e.busy = true
	return Yours
}

// turn begins a new generation where the young one is full. What is being
// worked at is never forgotten.
func (l *Log) turn() {
	if len(l.young) < l.size {
		return
	}
	kept := make(map[string]*entry, l.size)
	for id, e := range l.old {
		if e.busy {
			kept[id] = e
		}
	}
	l.old, l.young = l.young, kept
}

// End gives the delivery up with made attempts recorded.
func (l *Log) End(id string, made int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range []map[string]*entry{l.young, l.old} {
		if e, ok := m[id]; ok {
			e.busy, e.made = false, max(e.made, made)
		}
	}
}
