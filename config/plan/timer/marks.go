package timer

import (
	"bytes"
	"slices"
)

// Marks is a set of marks in little more memory than they take: there may be
// millions. It is added to, sorted once, and asked then. The zero Marks is
// empty.
type Marks struct{ list []Mark }

// Add adds a mark.
func (s *Marks) Add(m Mark) { s.list = append(s.list, m) }

// Sort prepares the set for [Marks.Has].
func (s *Marks) Sort() { slices.SortFunc(s.list, compare) }

// Has reports whether a mark was added.
func (s *Marks) Has(m Mark) bool {
	_, found := slices.BinarySearchFunc(s.list, m, compare)
	return found
}

func compare(a, b Mark) int { return bytes.Compare(a[:], b[:]) }
