package ordered

import (
	"slices"
	"sync"
	"time"
)

// queue holds what was read and not yet handled. It is bounded by what the
// reader asks for.
type queue struct {
	ready chan struct{} // holds a token while there are messages

	mu    sync.Mutex
	items []Message
	tail  uint64 // sequence of the last message pushed
	// follow is how many the server had behind it.
	follow uint64
}

func (q *queue) push(m Message, follow uint64) {
	q.mu.Lock()
	q.items, q.tail, q.follow = append(q.items, m), m.Seq, follow
	q.mu.Unlock()
	q.signal()
}

// last returns the sequence of the last message pushed, 0 at first.
func (q *queue) last() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tail
}

// behind reports whether more is here or was to follow what came last.
func (q *queue) behind() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) > 0 || q.follow > 0
}

// backlog returns how many there are and follow, and when the oldest of those
// that are there was stored.
func (q *queue) backlog() (int, time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.items) + int(q.follow) //nolint:gosec // a stream's messages
	if len(q.items) == 0 {
		return n, time.Time{}
	}
	return n, q.items[0].Time
}

// take returns at most n messages without waiting.
func (q *queue) take(n int) []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n >= len(q.items) {
		out := q.items
		q.items = nil
		return out
	}
	// Whoever takes a few of many copies those, not what is left.
	out := slices.Clone(q.items[:n])
	clear(q.items[:n]) // what was taken is held by nobody else
	q.items = q.items[n:]
	q.signal()
	return out
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
