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
	"github.com/billhook/billhook/shared/filter"
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
	types   map[string]*lane
	filters map[versionKey]*filter.Filter
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
// which matches then come without being sorted. Compiled filters are taken from old, which may be
// nil, where it has them. The errors name the versions that were left out
// because their filter does not compile; the index is good without them.
func (b Builder) Build(old *Index, sources []Source) (*Index, []error) {
	x := &Index{types: map[string]*lane{}, filters: make(map[versionKey]*filter.Filter, len(sources))}
	var failed []error
	for _, s := range sources {
		if unordered(s.Version.Spec) {
			if err := b.add(x, old, s); err != nil {
				failed = append(failed, err)
			}
		}
	}
	return x, failed
}

func unordered(s *subscription.Spec) bool {
	return s.Order == "" || s.Order == subscription.Unordered
}

func (b Builder) add(x, old *Index, s Source) error {
	key := versionKey{s.Subscription, s.Version.Revision}
	f, ok := old.filter(key)
	if !ok {
		var err error
		if f, err = filter.Compile(s.Version.Spec.Filter); err != nil {
			return fmt.Errorf("index subscription %s revision %d: %w", key.subscription, key.revision, err)
		}
	}
	x.filters[key] = f
	c := &candidate{
		match: Match{Subscription: s.Subscription, Revision: s.Version.Revision, Channel: s.Version.Spec.Channel},
		from:  s.Version.FromSeq, until: math.MaxUint64, schedule: newSchedule(s.Version.Spec), filter: f,
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

func (x *Index) filter(key versionKey) (*filter.Filter, bool) {
	if x == nil {
		return nil, false
	}
	f, ok := x.filters[key]
	return f, ok
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
