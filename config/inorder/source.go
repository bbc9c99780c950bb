// Package inorder says which subscriptions of a channel are delivered in order
// and by which plan: what package slots of the module streams asks of the
// configuration. It refuses to deliver. A subscription of which a version
// cannot be judged is left out: its position stands still until the version can
// be, while passing over that version's events would lose them.
package inorder

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/slots"
	"github.com/billhook/billhook/streams/subject"
)

// Source finds the in-order subscriptions of a channel in the watched
// configuration.
// It is a [slots.Source].
type Source struct {
	channel    delivery.Channel
	directory  *directory.Directory
	partitions int
	log        zerolog.Logger

	mu    sync.Mutex
	plans map[series.Key]planned
}

// planned is a plan with what it was made from.
type planned struct {
	from *subscription.Subscription
	plan series.Plan
	// still is true where there is no plan.
	still bool
}

// Settings is what a source is made from.
type Settings struct {
	Channel   delivery.Channel
	Directory *directory.Directory
	// Partitions is the number in the streams' metadata.
	Partitions int
	Log        zerolog.Logger
}

// NewSource returns a source.
func NewSource(s Settings) *Source {
	return &Source{
		channel: s.Channel, directory: s.Directory, partitions: s.Partitions, log: s.Log, plans: map[series.Key]planned{},
	}
}

// Changes implements [slots.Source].
func (s *Source) Changes() (<-chan struct{}, func()) { return s.directory.Changes() }

// Subscriptions implements [slots.Source]. What did not change is not made
// again.
func (s *Source) Subscriptions() []slots.Subscription {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := map[series.Key]planned{}
	var out []slots.Subscription
	for owner, snapshot := range s.directory.Owners() {
		for id, sub := range snapshot.Subscriptions {
			if !s.inOrder(sub) {
				continue
			}
			key := series.Key{Channel: s.channel, Owner: owner, Subscription: id}
			p, ok := s.plans[key]
			if !ok || p.from != sub {
				p = s.planned(owner, sub)
			}
			if next[key] = p; p.still {
				continue
			}
			asked := snapshot.Controls[id]
			out = append(out, slots.Subscription{
				Key: key, Plan: p.plan, Control: wanted(asked), Stamp: stamp{sub, asked},
			})
		}
	}
	s.plans = next
	return out
}

// stamp tells whether a subscription or what is asked of it changed: values are
// replaced, never edited.
type stamp struct {
	sub   *subscription.Subscription
	asked *control.Control
}

// wanted is what operators ask, in the words of the series.
func wanted(c *control.Control) series.Control {
	if c == nil {
		return series.Control{}
	}
	out := series.Control{Number: c.Number, Paused: c.Paused, Replay: series.Replay(c.Replay)}
	for _, k := range c.Skips {
		out.Skips = append(out.Skips, series.Skip(k))
	}
	return out
}

// inOrder reports whether any version of the subscription is delivered in order:
// also one that ended may have something to deliver.
func (s *Source) inOrder(sub *subscription.Subscription) bool {
	return slices.ContainsFunc(sub.Versions, s.ordered)
}

func (s *Source) ordered(v subscription.Version) bool {
	return v.Spec != nil && v.Spec.Channel == s.channel && v.Spec.Order.InOrder()
}

// planned makes the plan of a subscription, and says aloud where it cannot.
func (s *Source) planned(owner string, sub *subscription.Subscription) planned {
	plan, err := s.plan(owner, sub)
	if err != nil {
		s.log.Error().Err(err).Str("owner", owner).Str("subscription", sub.ID).Msg("in-order subscription stands still")
	}
	return planned{from: sub, plan: plan, still: err != nil}
}

// plan is what the series needs to know. Order and head policy are those of
// the newest version that has an order.
func (s *Source) plan(owner string, sub *subscription.Subscription) (series.Plan, error) {
	p := series.Plan{Part: subject.Partition(owner, s.partitions)}
	types := map[string]bool{}
	var wishes []wish
	for i := range sub.Versions {
		v := &sub.Versions[i]
		if !s.ordered(*v) {
			continue
		}
		w, err := v.Spec.Wish()
		if err != nil {
			return series.Plan{}, fmt.Errorf("plan revision %d: %w", v.Revision, err)
		}
		if len(wishes) == 0 {
			p.Start = v.FromSeq
		}
		wishes = append(wishes, wish{v, w})
		p.ByAccount, p.Head = v.Spec.Order == subscription.OrderedByAccount, series.Head(v.Spec.Head)
		for _, t := range v.Spec.Events {
			types[t] = true
		}
	}
	for _, t := range slices.Sorted(maps.Keys(types)) {
		p.Filters = append(p.Filters, subject.EventsOfOwner(owner, t))
	}
	p.Match = func(e *event.Event, seq uint64) (int, bool) { return match(wishes, e, seq) }
	return p, nil
}

// wish is a version with what it wants.
type wish struct {
	version *subscription.Version
	wish    *subscription.Wish
}

// match asks the version that was in force at the sequence.
func match(wishes []wish, e *event.Event, seq uint64) (revision int, ok bool) {
	for _, w := range wishes {
		if w.version.Covers(seq) {
			wanted := slices.Contains(w.version.Spec.Events, e.Type) && w.wish.Matches(e)
			return w.version.Revision, wanted
		}
	}
	return 0, false
}
