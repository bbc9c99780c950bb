// Package index finds the subscriptions of one owner that an event goes to. It
// is pure and immutable: the same index, event and sequence always give the
// same matches in the same order. It refuses ordered subscriptions, which read
// the log themselves.
//
// Versions are kept by event type. Where a filter asks one token for exact
// texts only, its version is found by that token's value and is not even
// looked at for other values; the whole filter is asked afterwards all the
// same.
package index

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
)

// Match is one delivery to be made.
type Match struct {
	Subscription string
	// Revision is the version of the subscription that matched.
	Revision int
	Channel  delivery.Channel
}

// Source is a version of a subscription to be indexed.
type Source struct {
	Subscription string
	Version      *subscription.Version
}

// Index is the versions of one owner's subscriptions by what they match. The
// nil Index matches nothing.
type Index struct {
	types  map[string]*lane
	wishes map[versionKey]*subscription.Wish
}

type versionKey struct {
	subscription string
	revision     int
}

// Builder makes indexes.
type Builder struct {
	// Subscribable tells the types that may reach subscriptions from signals,
	// which never do, whatever a subscription asks for.
	Subscribable func(eventType string) bool
}

// Build indexes the sources, best given in the order of subscription ids, in
// which matches then come without being sorted. Compiled wishes are taken from old, which may be
// nil, where it has them. The errors name the versions that were left out
// because their filter does not compile; the index is good without them.
func (b Builder) Build(old *Index, sources []Source) (*Index, []error) {
	x := &Index{types: map[string]*lane{}, wishes: make(map[versionKey]*subscription.Wish, len(sources))}
	var failed []error
	for _, s := range sources {
		if !s.Version.Spec.Order.InOrder() {
			if err := b.add(x, old, s); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return x, failed
}

func (b Builder) add(x, old *Index, s Source) error {
	key := versionKey{s.Subscription, s.Version.Revision}
	wish, ok := old.wish(key)
	if !ok {
		var err error
		if wish, err = s.Version.Spec.Wish(); err != nil {
			return fmt.Errorf("index subscription %s revision %d: %w", key.subscription, key.revision, err)
		}
	}
	x.wishes[key] = wish
	c := &candidate{
		match: Match{Subscription: s.Subscription, Revision: s.Version.Revision, Channel: s.Version.Spec.Channel},
		from:  s.Version.FromSeq, until: math.MaxUint64, wish: wish,
	}
	if !s.Version.Open() {
		c.until = s.Version.UntilSeq
	}
	token, texts, narrow := discriminator(s.Version.Spec.Filter)
	for _, t := range distinct(s.Version.Spec.Events) {
		switch {
		case !b.Subscribable(t):
		case narrow:
			x.lane(t).addKeyed(token, texts, c)
		default:
			l := x.lane(t)
			l.open = append(l.open, c)
		}
	}
	return nil
}

func (x *Index) wish(key versionKey) (*subscription.Wish, bool) {
	if x == nil {
		return nil, false
	}
	w, ok := x.wishes[key]
	return w, ok
}

func (x *Index) lane(eventType string) *lane {
	l, ok := x.types[eventType]
	if !ok {
		l = &lane{}
		x.types[eventType] = l
	}
	return l
}

func distinct(types []string) []string {
	out := slices.Clone(types)
	slices.Sort(out)
	return slices.Compact(out)
}

// Append appends the matches of an event that has the sequence seq in EVENTS
// to dst, in the order of subscription ids.
func (x *Index) Append(dst []Match, e *event.Event, seq uint64) []Match {
	if x == nil {
		return dst
	}
	l, ok := x.types[e.Type]
	if !ok {
		return dst
	}
	n := len(dst)
	dst = l.append(dst, e, seq)
	if !slices.IsSortedFunc(dst[n:], inOrder) {
		slices.SortFunc(dst[n:], inOrder)
	}
	return dst
}

func inOrder(a, b Match) int {
	return cmp.Or(cmp.Compare(a.Subscription, b.Subscription), cmp.Compare(a.Revision, b.Revision))
}

// Wants reports whether any version wants events of a type.
func (x *Index) Wants(eventType string) bool { return x != nil && x.types[eventType] != nil }
