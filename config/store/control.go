package store

import (
	"context"
	"math"

	"github.com/billhook/billhook/config/backfill"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/ledger"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/resend"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

// Pause has an in-order subscription begin nothing new.
func (s *Store) Pause(ctx context.Context, at control.Place) (setup.Change, error) {
	return s.ask(ctx, asked{at, "pause"}, func(c *control.Control, _ subscription.Order) error {
		c.Pause()
		return nil
	})
}

// Resume has it go on where it was paused, or stopped by itself.
func (s *Store) Resume(ctx context.Context, at control.Place) (setup.Change, error) {
	return s.ask(ctx, asked{at, "resume"}, func(c *control.Control, _ subscription.Order) error {
		c.Resume()
		return nil
	})
}

// Skip has one failed delivery given up that others wait for. A line that
// nothing holds up is refused, with those that are. What is at the head of no
// line any more when the skip is applied is left alone.
func (s *Store) Skip(ctx context.Context, at control.Place, which control.Skip) (setup.Change, error) {
	return s.ask(ctx, asked{at, "skip"}, func(c *control.Control, order subscription.Order) error {
		if err := c.Skip(which, order); err != nil || which.Delivery != "" {
			return err
		}
		return s.heldUp(ctx, at, which.Account)
	})
}

// heldUp refuses a line that no failed delivery holds up, as far as its holder
// has stored.
func (s *Store) heldUp(ctx context.Context, at control.Place, line string) error {
	var others []string
	for _, channel := range delivery.Channels() {
		p, err := series.Where(ctx, s.deps.JetStream, series.Key{Channel: channel, Owner: at.Owner, Subscription: at.Subscription})
		if err != nil {
			return err
		}
		for name, l := range p.Lanes {
			switch {
			case l.Kept == "":
			case name == line:
				return nil
			default:
				others = append(others, name+" by "+l.Kept)
			}
		}
	}
	return control.NotHeldUp(line, others)
}

// Replay has everything from an event on delivered again, and returns from
// which sequence: not before the log's first, nor behind its last. What came
// before the subscription began is not delivered by a replay either.
func (s *Store) Replay(ctx context.Context, at control.Place, from control.From) (setup.Change, error) {
	first, last, err := s.place(ctx, from)
	if err != nil {
		return setup.Change{}, err
	}
	return s.ask(ctx, asked{at, "replay"}, func(c *control.Control, _ subscription.Order) error { return c.Rewind(first, last) })
}

// Backfill finds what a subscription without order wanted from an event on, for
// package resend to have it delivered again.
func (s *Store) Backfill(ctx context.Context, at control.Place, from control.From) (resend.Selection, error) {
	sub, err := s.Subscription(ctx, at)
	if err != nil {
		return resend.Selection{}, err
	}
	first, last, err := s.place(ctx, from)
	if err == nil {
		err = (&control.Control{}).Rewind(first, last)
	}
	if err != nil {
		return resend.Selection{}, err
	}
	return backfill.Find(ctx, s.deps.JetStream, backfill.Query{Owner: at.Owner, Subscription: sub, After: first - 1})
}

// place returns the sequence of EVENTS that from means, not before the log's
// first, and the log's last.
func (s *Store) place(ctx context.Context, from control.From) (first, last uint64, err error) {
	events, err := s.deps.JetStream.Stream(ctx, topology.Events)
	if err != nil {
		return 0, 0, fault.New(fault.Unavailable, "read last sequence", topology.Events, err)
	}
	if !from.At.IsZero() {
		former, err := before(ctx, events, from.At)
		if err != nil {
			return 0, 0, err
		}
		from.Seq = former + 1
	}
	log := events.CachedInfo().State
	return max(from.Seq, log.FirstSeq, 1), log.LastSeq, nil
}

// asked is what is asked of which subscription.
type asked struct {
	control.Place
	verb string
}

// ask changes what is asked of a subscription.
func (s *Store) ask(ctx context.Context, of asked, ask setup.Asked) (setup.Change, error) {
	at := of.Place
	return s.run(ctx, job{
		owner: at.Owner, id: at.Subscription, verb: of.verb,
		reads: reads{keys: []ref{{topology.Subscriptions, at.Subscription}, {topology.Controls, at.Subscription}}},
		judge: func(ctx context.Context, on *occasion) (setup.Change, error) {
			n, err := applied(ctx, on.view, at)
			if err != nil {
				return setup.Change{}, err
			}
			return on.setup.Control(at, n, ask)
		},
	})
}

// applied returns the number up to which controls were applied for certain, in
// every channel in which the subscription was ever in order. It may be behind.
func applied(ctx context.Context, view *ledger.View, at control.Place) (uint64, error) {
	least, found := uint64(math.MaxUint64), false
	for _, channel := range delivery.Channels() {
		key := series.Key{Channel: channel, Owner: at.Owner, Subscription: at.Subscription}
		name := subject.Series{Channel: channel, Slot: key.Slot(), Owner: key.Owner, Subscription: key.Subscription}.Key()
		e, err := view.Get(ctx, topology.Series, name)
		if err != nil {
			return 0, err
		}
		if !e.Exists() {
			continue
		}
		_, c, err := series.ParseCopy(name, e.Value)
		if err != nil {
			return 0, nil // its holder reports it; nothing is forgotten meanwhile
		}
		least, found = min(least, c.Position.Applied), true
	}
	if !found {
		return 0, nil
	}
	return least, nil
}
