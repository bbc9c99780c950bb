// Package turns lets what is late go one after another, the earliest of those
// that wait first. It refuses to know what goes.
package turns

import (
	"container/heap"
	"context"
	"sync"

	"github.com/billhook/billhook/config/plan/timer"
)

// Turns is a queue by moment. The zero Turns is ready.
type Turns struct {
	mu      sync.Mutex
	busy    bool
	waiting queue
}

// Join queues for the turn. Whoever joins must [Ticket.Wait].
func (t *Turns) Join(m timer.Moment) *Ticket {
	w := &Ticket{turns: t, moment: m, called: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	heap.Push(&t.waiting, w)
	if !t.busy {
		t.busy = true
		t.next()
	}
	return w
}

// Ticket is a place in the queue.
type Ticket struct {
	turns  *Turns
	moment timer.Moment
	called chan struct{}
	// place is that in the queue; -1 outside.
	place int
}

// Wait waits until nobody has the turn and nobody with an earlier moment waits
// for it. The function given back ends the turn.
func (w *Ticket) Wait(ctx context.Context) (end func(), err error) {
	select {
	case <-w.called:
		return w.turns.end, nil
	case <-ctx.Done():
	}
	t := w.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.place >= 0 {
		heap.Remove(&t.waiting, w.place)
	} else {
		t.next() // it was called meanwhile
	}
	return nil, ctx.Err()
}

func (t *Turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next()
}

func (t *Turns) next() {
	if len(t.waiting) == 0 {
		t.busy = false
		return
	}
	close(heap.Pop(&t.waiting).(*Ticket).called)
}

// queue is a heap by moment.
type queue []*Ticket

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].moment.Compare(q[j].moment) < 0 }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

func (q *queue) Push(x any) {
	w := x.(*Ticket)
	w.place = len(*q)
	*q = append(*q, w)
}

func (q *queue) Pop() any {
	n := len(*q) - 1
	w := (*q)[n]
	w.place = -1
	*q = (*q)[:n]
	return w
}
