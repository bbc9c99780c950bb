package cursor

import "sync"

// queue holds what was read and not yet handled. It is bounded by what the
// reader asks for.
type queue struct {
	ready chan struct{} // holds a token while there are messages

	mu    sync.Mutex
	items []Message
	tail  uint64 // sequence of the last message pushed
}

func newQueue() *queue { return &queue{ready: make(chan struct{}, 1)} }

func (q *queue) push(m Message) {
	q.mu.Lock()
	q.items, q.tail = append(q.items, m), m.Seq
	q.mu.Unlock()
	q.signal()
}

// last returns the sequence of the last message pushed, 0 at first.
func (q *queue) last() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.tail
}

// take returns at most n messages without waiting.
func (q *queue) take(n int) []Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.items))
	out, rest := q.items[:n:n], q.items[n:]
	q.items = append([]Message(nil), rest...)
	if len(rest) > 0 {
		q.signal()
	}
	return out
}

func (q *queue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
