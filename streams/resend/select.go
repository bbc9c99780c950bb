// Package resend has deliveries made again: one, or those that a question
// finds. It reads OUTCOMES and PARKED to say which and with what, and asks for
// each by a retry that is due at once; the sender of the channel does the rest
// and records it like any attempt. It refuses to send.
package resend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/outcomes"
	"github.com/billhook/billhook/streams/parked"
	"github.com/billhook/billhook/streams/topology"
)

// ErrUnknown says that nothing is on record of a delivery.
var ErrUnknown = errors.New("nothing is on record of it, for this owner and within retention")

// ErrUnderWay says that somebody is at a delivery who must not be disturbed: its
// line would be out of order, or a letter be sent twice.
var ErrUnderWay = errors.New("it is under way: its ordered subscription still tries it, or the mailer is sending it; wait, or skip it first")

// Item is a delivery that may be made again: its newest outcome, behind which
// the next one is numbered.
type Item struct {
	outcomes.Entry
	// First is when the first attempt was made, zero where that is not known.
	First time.Time
	// Letter is the sequence in PARKED of what is kept of it, 0 for nothing.
	Letter uint64
}

// Selection is what a question found.
type Selection struct {
	// At is the server's time before it was looked for.
	At    time.Time
	Items []Item
	// UnderWay counts those that match and that an ordered subscription still
	// tries, or the mailer is sending: they are not among the items.
	UnderWay int

	underWay map[string]target // their ids, with the target of each
}

// target is where a delivery goes: targets of two channels may have one id.
type target struct {
	channel delivery.Channel
	id      string
}

// Only leaves out what goes to other targets than those that own reports.
func (s *Selection) Only(own func(ch delivery.Channel, target string) bool) {
	s.Items = slices.DeleteFunc(s.Items, func(i Item) bool { return !own(i.Channel, i.Target) })
	maps.DeleteFunc(s.underWay, func(_ string, t target) bool { return !own(t.channel, t.id) })
	s.UnderWay = len(s.underWay)
}

// Alone fails where the selection, made for one delivery, has nothing to be made
// again: the error is [ErrUnknown] or [ErrUnderWay].
func (s *Selection) Alone(id string) error {
	const op = "find delivery"
	switch {
	case s.UnderWay > 0:
		return fault.New(fault.Conflict, op, id, ErrUnderWay)
	case len(s.Items) == 0:
		return fault.New(fault.NotFound, op, id, ErrUnknown)
	}
	return nil
}

// One finds a delivery of an owner by its id. The error is [ErrUnknown] or
// [ErrUnderWay].
func One(ctx context.Context, js jetstream.JetStream, owner, id string) (Selection, error) {
	s, err := Matching(ctx, js, outcomes.Query{Owner: owner, Delivery: id})
	if err == nil {
		err = s.Alone(id)
	}
	return s, err
}

// Matching finds the deliveries whose newest outcome is what the query asks for,
// oldest first. What OUTCOMES has forgotten is found as long as PARKED, which is
// kept for longer, has it.
func Matching(ctx context.Context, js jetstream.JetStream, q outcomes.Query) (Selection, error) {
	stream, err := js.Stream(ctx, topology.Outcomes)
	if err != nil {
		return Selection{}, fault.New(fault.Unavailable, "read", topology.Outcomes, err)
	}
	letters, err := parked.List(ctx, js, parked.Query{
		Owner: q.Owner, Subscription: q.Subscription, Channel: q.Channel, Delivery: q.Delivery, Account: q.Account,
	})
	if err != nil {
		return Selection{}, err
	}
	entries, err := outcomes.Newest(ctx, js, q)
	if err != nil {
		return Selection{}, err
	}
	old, err := forgotten(ctx, js, letters, stream.CachedInfo().State.FirstTime)
	if err != nil {
		return Selection{}, err
	}
	s := Selection{At: stream.CachedInfo().TimeStamp, underWay: map[string]target{}}
	s.take(old, q)
	s.join(entries, letters)
	return s, nil
}

// take adds what is on record in PARKED alone.
func (s *Selection) take(letters []parked.Letter, q outcomes.Query) {
	for i := range letters {
		e := entry(&letters[i])
		if q.Asks(&e) {
			s.Items = append(s.Items, item(&e, &letters[i]))
		}
	}
}

// join adds what OUTCOMES says, with what PARKED keeps.
func (s *Selection) join(entries []outcomes.Entry, letters []parked.Letter) {
	kept := make(map[string]*parked.Letter, len(letters))
	for i := range letters {
		kept[letters[i].Delivery.ID] = &letters[i]
	}
	for i := range entries {
		e := &entries[i]
		if e.Result == delivery.Sending || e.Ordered && e.Result == delivery.Retrying {
			s.UnderWay++
			s.underWay[e.Delivery.ID] = target{e.Channel, e.Target}
			continue
		}
		s.Items = append(s.Items, item(e, kept[e.Delivery.ID]))
	}
}

func item(e *outcomes.Entry, l *parked.Letter) Item {
	i := Item{Entry: *e}
	if e.Attempt == 1 {
		i.First = e.At
	}
	if l != nil {
		i.Letter, i.First = l.Seq, l.First
	}
	return i
}

// entry is the outcome that a letter stands for.
func entry(l *parked.Letter) outcomes.Entry {
	return outcomes.Entry{Stored: l.Stored, Outcome: delivery.Outcome{
		Delivery: l.Delivery, Channel: l.Channel, Attempt: l.Attempt, Result: delivery.Parked, Reason: l.Reason,
		Target: l.Target, At: l.Stored,
	}}
}

// forgotten returns the letters of which OUTCOMES, whose oldest message was
// stored at a moment, says nothing any more.
func forgotten(ctx context.Context, js jetstream.JetStream, letters []parked.Letter, oldest time.Time) ([]parked.Letter, error) {
	old := slices.DeleteFunc(slices.Clone(letters), func(l parked.Letter) bool {
		return l.Delivery.ID == "" || l.Stored.After(oldest)
	})
	since, err := Since(ctx, js, old)
	return slices.DeleteFunc(old, func(l parked.Letter) bool {
		_, known := since[l.Delivery.ID]
		return known
	}), err
}

// Since returns the newest outcome of each of the letters, all of one owner: what
// became of it since it was parked. Of those that OUTCOMES has forgotten there is
// none.
func Since(ctx context.Context, js jetstream.JetStream, letters []parked.Letter) (map[string]outcomes.Entry, error) {
	if len(letters) == 0 {
		return nil, nil
	}
	q := outcomes.Query{Owner: letters[0].Delivery.Owner, Among: map[string]bool{}, Since: letters[0].Stored}
	for i := range letters {
		q.Among[letters[i].Delivery.ID] = true
	}
	entries, err := outcomes.Newest(ctx, js, q)
	out := make(map[string]outcomes.Entry, len(entries))
	for _, e := range entries {
		out[e.Delivery.ID] = e
	}
	return out, err
}
