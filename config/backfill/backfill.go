// Package backfill finds what a subscription without order wanted since a place
// in the log of events, so that all of it can be delivered again. It refuses to
// deliver; see resend.
package backfill

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/cursor"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/resend"
	"github.com/billhook/billhook/streams/scan"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// ErrTooMany says that more events match than one back-fill keeps.
var ErrTooMany = errors.New("more than 200,000 events match; begin later")

// Query says what is asked for: of a subscription of an owner, the events behind
// a sequence.
type Query struct {
	Owner        string
	Subscription *subscription.Subscription
	After        uint64
}

// Find returns the deliveries of the events that the subscription wants, each
// under the id that it always had, whether it was made before or not.
func Find(ctx context.Context, js jetstream.JetStream, q Query) (resend.Selection, error) {
	versions, err := read(q.Subscription)
	if err != nil {
		return resend.Selection{}, err
	}
	wanted := resend.Wanted{Owner: q.Owner, Subscription: q.Subscription.ID, Channel: q.Subscription.Channel}
	stretch := scan.Stretch{Stream: topology.Events, Filters: versions.filters(q.Owner), After: q.After}
	err = scan.Read(ctx, js, stretch, func(m *cursor.Message) error {
		e, err := event.Decode(m.Data)
		if err != nil {
			return err
		}
		revision, ok := versions.match(e, m.Seq)
		if !ok {
			return nil
		}
		if len(wanted.Deliveries) == 0 {
			wanted.Since = m.Time
		}
		if len(wanted.Deliveries) >= outcomes.MostKept {
			return fault.New(fault.Exhausted, "find events for", q.Subscription.ID, ErrTooMany)
		}
		wanted.Deliveries = append(wanted.Deliveries, delivery.Reference{
			ID: delivery.ID(q.Owner, q.Subscription.ID, e.ID, m.Seq), Owner: q.Owner, Subscription: q.Subscription.ID,
			Revision: revision, EventSeq: m.Seq, EventID: e.ID, EventType: e.Type, Account: e.Account,
		})
		return nil
	})
	if err != nil {
		return resend.Selection{}, err
	}
	return resend.Of(ctx, js, wanted)
}

// versions are those of a subscription with what they want.
type versions struct {
	of     *subscription.Subscription
	wishes map[int]*subscription.Wish // by revision
}

func read(s *subscription.Subscription) (versions, error) {
	out := versions{of: s, wishes: map[int]*subscription.Wish{}}
	for i := range s.Versions {
		w, err := s.Versions[i].Spec.Wish()
		if err != nil {
			return out, fault.New(fault.Invalid, "read subscription", s.ID, err)
		}
		out.wishes[s.Versions[i].Revision] = w
	}
	return out, nil
}

// filters are the subjects of the types that any version wants.
func (v versions) filters(owner string) []string {
	types := map[string]bool{}
	for i := range v.of.Versions {
		for _, t := range v.of.Versions[i].Spec.Events {
			types[t] = true
		}
	}
	var out []string
	for _, t := range slices.Sorted(maps.Keys(types)) {
		out = append(out, subject.EventsOfOwner(owner, t))
	}
	return out
}

// match asks the version that was in force at the event, and the newest one
// where that is not kept any more.
func (v versions) match(e *event.Event, seq uint64) (revision int, ok bool) {
	version, ok := v.of.VersionAt(seq)
	if !ok && seq <= v.of.PrunedUntil && v.of.Live() {
		version, ok = &v.of.Versions[len(v.of.Versions)-1], true
	}
	if !ok || !slices.Contains(version.Spec.Events, e.Type) || !v.wishes[version.Revision].Matches(e) {
		return 0, false
	}
	return version.Revision, true
}
