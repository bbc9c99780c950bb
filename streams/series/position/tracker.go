package position

import (
	"maps"

	"github.com/billhook/billhook/streams/internal/order"
)

// Tracker keeps a position right while deliveries of several lanes end in any
// order. Lanes that have something unfinished beyond the watermark only are
// not listed: a later reader finds that again by itself. When a delivery
// beyond others ends, the watermark moves there and the lanes of those others
// are listed; so what is listed are the lanes that lag behind, and those that
// were under way beside the newest.
type Tracker struct {
	at Position
	// read is how far events were read in order.
	read uint64
	// open is the first unfinished sequence of the lanes not listed; queue
	// has them in order, with entries that no longer hold.
	open  map[string]uint64
	queue *order.Queue[first]
}

// first is an entry of a tracker's queue.
type first struct {
	lane string
	seq  uint64
}

// Track begins at a position. The tracker keeps it.
func Track(p Position) *Tracker {
	if p.Lanes == nil {
		p.Lanes = map[string]Lane{}
	}
	return &Tracker{
		at: p, read: p.Watermark, open: map[string]uint64{},
		queue: order.By(func(a, b first) bool { return a.seq < b.seq }),
	}
}

// Position returns a copy of the position as it is now.
func (t *Tracker) Position() Position {
	p := t.at
	p.Lanes = maps.Clone(t.at.Lanes)
	return p
}

// Now is the position without a copy: for reading, until the next change.
func (t *Tracker) Now() *Position { return &t.at }

// Read says how far events have been read in order: up to seq, with nothing
// left out that was not told to [Tracker.Open].
func (t *Tracker) Read(seq uint64) {
	t.read = max(t.read, seq)
	t.settle(0)
}

// Reach is how far events have been read in order.
func (t *Tracker) Reach() uint64 { return t.read }

// Open says that an event of a lane was read in order and is not finished.
func (t *Tracker) Open(lane string, seq uint64) {
	_, listed := t.at.Lanes[lane]
	if _, open := t.open[lane]; !listed && !open {
		t.put(lane, seq)
	}
	t.Read(seq)
}

// Finish says that the first unfinished event of a lane is finished. Next is
// the sequence from which on more may be unfinished; 0 when nothing of what
// was read is.
func (t *Tracker) Finish(lane string, seq, next uint64) {
	delete(t.at.Lanes, lane)
	delete(t.open, lane)
	if seq > t.read {
		// A head that a former holder had come to. What lies between was not
		// read yet, so the watermark stays, and the lane says what it is past.
		t.at.Lanes[lane] = Lane{First: max(next, seq+1)}
		return
	}
	if next > 0 {
		t.put(lane, next)
	}
	t.settle(seq)
}

// List says that a lane lags behind: its first unfinished event is to be
// found without reading all others again. The watermark moves there: were the
// lane beyond it, the next holder could finish what it has not read up to.
func (t *Tracker) List(name string, l Lane) {
	delete(t.open, name)
	t.at.Lanes[name] = l
	t.settle(l.First)
}

// Drop says that a lane has nothing unfinished of what was read. One that is
// past that stays listed.
func (t *Tracker) Drop(lane string) {
	if t.at.Lanes[lane].First > t.read {
		return
	}
	delete(t.at.Lanes, lane)
	delete(t.open, lane)
	t.settle(0)
}

// Rewind moves the watermark back so that everything from a sequence on is
// unfinished again, and reports whether that is a move. Lanes that lag behind
// an earlier sequence stay as they are.
func (t *Tracker) Rewind(from uint64) bool {
	if from == 0 || from > t.at.Watermark && from > t.read {
		return false
	}
	t.at.Watermark = min(t.at.Watermark, from-1)
	for name, l := range t.at.Lanes {
		if l.First > t.at.Watermark {
			delete(t.at.Lanes, name)
		}
	}
	*t = *Track(t.at)
	return true
}

// Edit changes what is not about lanes.
func (t *Tracker) Edit(change func(*Position)) { change(&t.at) }

func (t *Tracker) put(lane string, seq uint64) {
	t.open[lane] = seq
	t.queue.Push(first{lane, seq})
}

// settle moves the watermark to a finished sequence, and beyond it as far as
// nothing is open.
func (t *Tracker) settle(finished uint64) {
	w := max(t.at.Watermark, finished)
	for t.queue.Len() > 0 {
		f := t.queue.First()
		if t.open[f.lane] == f.seq && f.seq > w {
			break
		}
		t.queue.Pop()
		if t.open[f.lane] == f.seq {
			delete(t.open, f.lane)
			t.at.Lanes[f.lane] = Lane{First: f.seq}
		}
	}
	end := t.read
	if t.queue.Len() > 0 {
		end = t.queue.First().seq - 1
	}
	t.at.Watermark = max(w, min(end, t.read))
}
