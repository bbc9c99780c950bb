// Package page cuts long lists into pages: a page has an order, at most so many
// items, and the place where the next one begins, which is a text that only this
// package reads. It refuses to know what is listed.
package page

import (
	"cmp"
	"container/heap"
	"encoding/base64"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/shared/problem"
)

// Sizes of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 1000
)

// Ask is which page is wanted.
type Ask struct {
	// Sort is what the list is ordered by, "-" before it for the reverse; empty
	// is the list's own order.
	Sort string
	// Cursor is where the page begins; empty is the beginning.
	Cursor string
	Limit  int
	// Filters are the values asked for by the names of filters.
	Filters map[string]string
	// Since and Until bound lists of what happened; zero is no bound.
	Since, Until time.Time
}

// Page is a part of a list.
type Page struct {
	Items []any `json:"items"`
	// Next is the cursor of the next page; empty at the end.
	Next string `json:"next,omitempty"`
}

// Item is one thing of a list that is at hand.
type Item struct {
	ID string
	// Name is what may be sorted by beside the id.
	Name     string
	Document any
}

// ByID and ByName are the orders of a list that is at hand.
const (
	ByID   = "id"
	ByName = "name"
)

// place is what a cursor says: the order, and the last item before it.
type place struct {
	Sort string `json:"s,omitempty"`
	Key  string `json:"k,omitempty"`
	ID   string `json:"i,omitempty"`
	Seq  uint64 `json:"q,omitempty"`
	Line int    `json:"l,omitempty"`
}

// errCursor is what is wrong with a cursor that this package did not make, or
// made for another order.
func errCursor() error {
	return problem.Parameter("cursor", "cursor.form", "must be the next of the page before, of the same list in the same order")
}

func (p place) text() string {
	b, _ := json.Marshal(p) // texts and a number
	return base64.RawURLEncoding.EncodeToString(b)
}

// read reads a cursor; none is the zero place.
func (a *Ask) read() (place, error) {
	if a.Cursor == "" {
		return place{Sort: a.Sort}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(a.Cursor)
	var p place
	if err != nil || json.Unmarshal(b, &p) != nil || p.Sort != a.Sort {
		return place{}, errCursor()
	}
	return p, nil
}

// Spot is a place in a stream: a message, and how many of the lines in it.
type Spot struct {
	Seq  uint64
	Line int
}

// After returns behind which place of a stream the page begins; the zero Spot
// where that is the beginning.
func (a *Ask) After() (Spot, error) {
	p, err := a.read()
	if err == nil && (a.Cursor != "" && p.Seq == 0 || p.Line < 0) {
		err = errCursor()
	}
	return Spot{p.Seq, p.Line}, err
}

// At returns the cursor of what follows a place of a stream.
func (a *Ask) At(s Spot) string { return place{Sort: a.Sort, Seq: s.Seq, Line: s.Line}.text() }

// Begin says where in a list with an order of its own the page begins.
type Begin struct {
	// ByName and Reverse are the order.
	ByName, Reverse bool
	// Behind is the last item of the page before; nil at the beginning. It has no
	// document, and need not be there any more.
	Behind *Item
}

// Walk returns the page of a list that has an order of its own. From returns its
// items from a place on, the items that were not asked for left out.
func Walk(from func(Begin) iter.Seq[Item], a Ask) (Page, error) {
	p, err := a.read()
	if err != nil {
		return Page{}, err
	}
	by, reverse := strings.CutPrefix(a.Sort, "-")
	begin := Begin{ByName: by == ByName, Reverse: reverse}
	if a.Cursor != "" {
		begin.Behind = &Item{ID: p.ID, Name: p.Key}
	}
	return a.cut(from(begin)), nil
}

// cut takes a page from items in their order.
func (a *Ask) cut(items iter.Seq[Item]) Page {
	out := Page{Items: []any{}}
	var last Item
	for item := range items {
		if len(out.Items) == a.Limit {
			out.Next = place{Sort: a.Sort, Key: last.Name, ID: last.ID}.text()
			break
		}
		out.Items = append(out.Items, item.Document)
		last = item
	}
	return out
}

// Select returns the page of things at hand. It looks at each of them once and
// keeps no more than a page, so a list needs no order of its own.
func Select(items iter.Seq[Item], a Ask) (Page, error) {
	from, err := a.read()
	if err != nil {
		return Page{}, err
	}
	by, reverse := strings.CutPrefix(a.Sort, "-")
	top := &least{order: order(by == ByName, reverse)}
	begin := Item{ID: from.ID, Name: from.Key}
	for item := range items {
		if a.Cursor != "" && top.order(item, begin) <= 0 {
			continue
		}
		top.offer(item, a.Limit+1)
	}
	slices.SortFunc(top.items, top.order)
	return a.cut(slices.Values(top.items)), nil
}

func order(byName, reverse bool) func(a, b Item) int {
	sign := 1
	if reverse {
		sign = -1
	}
	if !byName {
		return func(a, b Item) int { return sign * cmp.Compare(a.ID, b.ID) }
	}
	return func(a, b Item) int { return sign * cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) }
}

// least keeps the first items of an order: a heap with the last of them on top.
type least struct {
	items []Item
	order func(a, b Item) int
}

func (l *least) offer(item Item, limit int) {
	if len(l.items) < limit {
		heap.Push(l, item)
		return
	}
	if l.order(item, l.items[0]) < 0 {
		l.items[0] = item
		heap.Fix(l, 0)
	}
}

// Len, Less, Swap, Push and Pop are those of [heap.Interface].
func (l *least) Len() int           { return len(l.items) }
func (l *least) Less(i, j int) bool { return l.order(l.items[i], l.items[j]) > 0 }
func (l *least) Swap(i, j int)      { l.items[i], l.items[j] = l.items[j], l.items[i] }

// Push is part of [heap.Interface].
func (l *least) Push(x any) { l.items = append(l.items, x.(Item)) }

// Pop is part of [heap.Interface].
func (l *least) Pop() any {
	n := len(l.items) - 1
	x := l.items[n]
	l.items = l.items[:n]
	return x
}
