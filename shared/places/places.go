// Package places gives places to those that wait for one, fairly among their
// owners: the next is that of an owner who holds the fewest, so whoever has
// thousands waiting holds up its own. It refuses to bound how many places there
// are, and to know what is done in them.
package places

import "container/heap"

// Places are those that wait, and how many places each owner holds. They
// belong to one goroutine at a time.
type Places[T any] struct {
	owners  map[string]*owner[T]
	line    line[T]
	came    uint64
	waiting int
}

// owner is one who holds a place, or has somebody waiting.
type owner[T any] struct {
	held    int
	waiting []turn[T]
	// at is the place in the line of those who have somebody waiting.
	at int
}

// turn is one that waits, numbered in the order of coming.
type turn[T any] struct {
	number uint64
	of     T
}

// New returns places that nobody holds or waits for.
func New[T any]() *Places[T] { return &Places[T]{owners: map[string]*owner[T]{}} }

// Len is how many wait.
func (p *Places[T]) Len() int { return p.waiting }

// Wait adds one that waits, behind all others of its owner.
func (p *Places[T]) Wait(name string, v T) {
	o := p.owner(name)
	p.came++
	p.waiting++
	o.waiting = append(o.waiting, turn[T]{p.came, v})
	if len(o.waiting) == 1 {
		heap.Push(&p.line, o)
	}
}

// Next gives a place to whoever's turn it is: of the owners who hold the fewest
// places, to the one that has waited for longest. It returns false when nobody
// waits.
func (p *Places[T]) Next() (v T, ok bool) {
	if len(p.line) == 0 {
		return v, false
	}
	o := heap.Pop(&p.line).(*owner[T])
	v = o.waiting[0].of
	o.waiting[0] = turn[T]{} // let it go
	o.waiting = o.waiting[1:]
	o.held++
	p.waiting--
	if len(o.waiting) > 0 {
		heap.Push(&p.line, o)
	}
	return v, true
}

// Hold counts a place that an owner has without having waited for it.
func (p *Places[T]) Hold(name string) { p.count(name, 1) }

// Free counts a place that an owner gave back; it must hold one.
func (p *Places[T]) Free(name string) { p.count(name, -1) }

func (p *Places[T]) count(name string, n int) {
	o := p.owner(name)
	o.held += n
	switch {
	case len(o.waiting) > 0:
		heap.Fix(&p.line, o.at)
	case o.held == 0:
		delete(p.owners, name)
	}
}

func (p *Places[T]) owner(name string) *owner[T] {
	o := p.owners[name]
	if o == nil {
		o = &owner[T]{}
		p.owners[name] = o
	}
	return o
}

// line are the owners who have somebody waiting, as container/heap wants them.
type line[T any] []*owner[T]

func (l line[T]) Len() int { return len(l) }

func (l line[T]) Less(i, j int) bool {
	a, b := l[i], l[j]
	if a.held != b.held {
		return a.held < b.held
	}
	return a.waiting[0].number < b.waiting[0].number
}

func (l line[T]) Swap(i, j int) {
	l[i], l[j] = l[j], l[i]
	l[i].at, l[j].at = i, j
}

func (l *line[T]) Push(v any) {
	o := v.(*owner[T])
	o.at = len(*l)
	*l = append(*l, o)
}

func (l *line[T]) Pop() any {
	last := len(*l) - 1
	o := (*l)[last]
	(*l)[last] = nil
	*l = (*l)[:last]
	return o
}
