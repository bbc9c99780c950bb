// Package listing keeps things in an order, so that a page of them is found by a
// search instead of a look at each. A listing never changes: a change of a thing
// gives another listing. It refuses to know what is listed.
package listing

import (
	"cmp"
	"iter"
	"slices"
)

// Order is what things are in the order of.
type Order uint8

// The orders: by id, and by name with the id behind it.
const (
	ByID Order = iota
	ByName
)

// Entry is a thing with what it is ordered by.
type Entry[T any] struct {
	ID, Name string
	Value    *T
}

// Listing is things in an order.
type Listing[T any] struct {
	order   Order
	entries []Entry[T]
}

// Of returns the listing of things that come in no order.
func Of[T any](order Order, things iter.Seq[Entry[T]]) *Listing[T] {
	l := &Listing[T]{order: order, entries: slices.Collect(things)}
	slices.SortFunc(l.entries, l.compare)
	return l
}

// Replace returns the listing without one entry and with another; either may be
// nil.
func (l *Listing[T]) Replace(gone, come *Entry[T]) *Listing[T] {
	entries := append(make([]Entry[T], 0, len(l.entries)+1), l.entries...)
	if gone != nil {
		if i, ok := slices.BinarySearchFunc(entries, *gone, l.compare); ok {
			entries = slices.Delete(entries, i, i+1)
		}
	}
	if come != nil {
		i, _ := slices.BinarySearchFunc(entries, *come, l.compare)
		entries = slices.Insert(entries, i, *come)
	}
	return &Listing[T]{order: l.order, entries: entries}
}

// All returns every entry from the first on.
func (l *Listing[T]) All() iter.Seq[Entry[T]] { return slices.Values(l.entries) }

// Backward returns every entry from the last on.
func (l *Listing[T]) Backward() iter.Seq[Entry[T]] { return backward(l.entries) }

// After returns the entries behind a place, whether or not something is there.
func (l *Listing[T]) After(place Entry[T]) iter.Seq[Entry[T]] {
	i, ok := slices.BinarySearchFunc(l.entries, place, l.compare)
	if ok {
		i++
	}
	return slices.Values(l.entries[i:])
}

// Before returns the entries before a place, the nearest first.
func (l *Listing[T]) Before(place Entry[T]) iter.Seq[Entry[T]] {
	i, _ := slices.BinarySearchFunc(l.entries, place, l.compare)
	return backward(l.entries[:i])
}

func backward[E any](entries []E) iter.Seq[E] {
	return func(yield func(E) bool) {
		for _, e := range slices.Backward(entries) {
			if !yield(e) {
				return
			}
		}
	}
}

func (l *Listing[T]) compare(a, b Entry[T]) int {
	if l.order == ByName {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	}
	return cmp.Compare(a.ID, b.ID)
}
