// Package order is a queue whose first element is the least.
package order

import "container/heap"

// Queue holds elements of which the least leaves first.
type Queue[T any] struct{ s sorted[T] }

// By returns an empty queue in the order of less.
func By[T any](less func(a, b T) bool) *Queue[T] {
	return &Queue[T]{sorted[T]{less: less}}
}

// Len returns the number of elements.
func (q *Queue[T]) Len() int { return len(q.s.items) }

// Push adds an element.
func (q *Queue[T]) Push(v T) { heap.Push(&q.s, v) }

// First returns the least element; there must be one.
func (q *Queue[T]) First() T { return q.s.items[0] }

// Pop removes and returns the least element; there must be one.
func (q *Queue[T]) Pop() T { return heap.Pop(&q.s).(T) }

// sorted is a queue as container/heap wants it.
type sorted[T any] struct {
	items []T
	less  func(a, b T) bool
}

func (s *sorted[T]) Len() int           { return len(s.items) }
func (s *sorted[T]) Less(i, j int) bool { return s.less(s.items[i], s.items[j]) }
func (s *sorted[T]) Swap(i, j int)      { s.items[i], s.items[j] = s.items[j], s.items[i] }
func (s *sorted[T]) Push(v any)         { s.items = append(s.items, v.(T)) }

func (s *sorted[T]) Pop() any {
	var none T
	last := len(s.items) - 1
	v := s.items[last]
	s.items[last] = none
	s.items = s.items[:last]
	return v
}
