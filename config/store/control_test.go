package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/billhook/billhook/config/bucket"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/subject"
	"github.com/billhook/billhook/streams/topology"
)

var lineA = control.Place{Owner: "acme", Subscription: "a"}

// inOrder makes the in-order subscription of lineA.
func inOrder(t *testing.T, s *store.Store, order subscription.Order) {
	t.Helper()
	must(t)(s.PutEndpoint(t.Context(), "acme", hook("h")))
	spec := webhook("a", "h")
	spec.Order = order
	must(t)(s.PutSubscription(t.Context(), "acme", spec))
}

// accepted puts n events into the log and returns when the last was stored.
func (b *bench) accepted(t *testing.T, n int) (last time.Time) {
	t.Helper()
	events, err := b.js.Stream(t.Context(), topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	for range n {
		ack, err := b.js.Publish(t.Context(), subject.Event(0, "acme", "invoice.posted"), []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		m, err := events.GetMsg(t.Context(), ack.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		last = m.Time
	}
	return last
}

// asked is what is stored of lineA.
func (b *bench) asked(t *testing.T) control.Control {
	t.Helper()
	e, err := bucket.Open(b.js, topology.Controls).Get(t.Context(), "acme.a")
	if err != nil {
		t.Fatal(err)
	}
	var c control.Control
	if e.Exists() {
		if err := json.Unmarshal(e.Value, &c); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// holderDid is the lazy copy of the position of lineA's holder in a channel,
// with lines that failed deliveries hold up.
func (b *bench) holderDid(t *testing.T, channel delivery.Channel, applied uint64, heldUp ...string) {
	t.Helper()
	lanes := map[string]position.Lane{"A-0": {First: 1}} // lags, and has not failed
	for _, name := range heldUp {
		lanes[name] = position.Lane{First: 2, Attempts: 3, Kept: "dlv_" + name}
	}
	key := series.Key{Channel: channel, Owner: "acme", Subscription: "a"}
	value, err := json.Marshal(series.Copy{Position: position.Position{Applied: applied, Lanes: lanes}})
	if err != nil {
		t.Fatal(err)
	}
	name := subject.Series{Channel: key.Channel, Slot: key.Slot(), Owner: key.Owner, Subscription: key.Subscription}.Key()
	if _, err := b.js.Publish(t.Context(), topology.BucketKey(topology.Series, name), value); err != nil {
		t.Fatal(err)
	}
}

func TestOnlySubscriptionsInOrderAreControlled(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	_, err := s.Pause(ctx, lineA)
	refused(t, err, fault.NotFound)
	b.holderDid(t, delivery.Webhook, 0, "")
	_, err = s.Pause(ctx, control.Place{Owner: "acme", Subscription: "a.>"})
	refused(t, err, fault.Invalid, "/id", "id.form")
	inOrder(t, s, subscription.Unordered)
	_, err = s.Pause(ctx, lineA)
	refused(t, err, fault.Invalid, "/order", "control.unordered")
	inOrder(t, s, subscription.Ordered)
	must(t)(s.Pause(ctx, lineA))
	// What was accepted while it was in order may hold it up for long.
	inOrder(t, s, subscription.Unordered)
	must(t)(s.Skip(ctx, lineA, control.Skip{}))
	must(t)(s.DeleteSubscription(ctx, "acme", "a"))
	must(t)(s.Resume(ctx, lineA))
}

func TestControlsAreNumberedAndSaidOnce(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	inOrder(t, s, subscription.OrderedByAccount)
	b.holderDid(t, delivery.Webhook, 0, "A-1")
	actions := func(c setup.Change, err error) setup.Action { return must(t)(c, err).Action }
	for i, row := range []struct {
		got, want setup.Action
		number    uint64
	}{
		{actions(s.Pause(ctx, lineA)), setup.Created, 1},
		{actions(s.Pause(ctx, lineA)), setup.Unchanged, 1},
		{actions(s.Resume(ctx, lineA)), setup.Updated, 2},
		{actions(s.Resume(ctx, lineA)), setup.Updated, 3},
		{actions(s.Skip(ctx, lineA, control.Skip{Account: "A-1"})), setup.Updated, 4},
	} {
		if row.got != row.want {
			t.Errorf("step %d: %s, want %s", i, row.got, row.want)
		}
	}
	want := control.Control{Number: 4, Skips: []control.Skip{{Number: 4, Account: "A-1"}}}
	if got := b.asked(t); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("asked is %+v, want %+v", got, want)
	}
	_, err := s.Skip(ctx, lineA, control.Skip{})
	refused(t, err, fault.Invalid, "/account", "skip.account")
}

func TestASkipOfALineThatNothingHoldsUpIsRefusedWithThoseThatAre(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	inOrder(t, s, subscription.OrderedByAccount)
	skip := func(account string) string {
		_, err := s.Skip(ctx, lineA, control.Skip{Account: account})
		refused(t, err, fault.Invalid, "/account", "skip.nothing")
		return fault.ProblemsOf(err)[0].Detail
	}
	const nothing = "no failed delivery holds it up"
	if got := skip("A-9"); got != nothing {
		t.Errorf("before anything was delivered: %q", got)
	}
	b.holderDid(t, delivery.Webhook, 0, "A-3", "A-2", "A-5", "A-4", "A-7", "A-6")
	const others = nothing + "; held up are A-2 by dlv_A-2, A-3 by dlv_A-3, A-4 by dlv_A-4, A-5 by dlv_A-5, A-6 by dlv_A-6 and 1 more"
	for _, account := range []string{"A-9", "A-0"} {
		if got := skip(account); got != others {
			t.Errorf("of %s: %q, want %q", account, got, others)
		}
	}
	must(t)(s.Skip(ctx, lineA, control.Skip{Account: "A-7"}))
	// Its holder knows whether it is a head.
	must(t)(s.Skip(ctx, lineA, control.Skip{Delivery: "dlv_under_way"}))
	if got := b.asked(t); len(got.Skips) != 2 {
		t.Errorf("asked is %+v", got)
	}
}

func TestSkipsThatTheHolderAppliedAreForgotten(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	inOrder(t, s, subscription.Ordered)
	b.holderDid(t, delivery.Webhook, 0, "")
	for range 3 {
		must(t)(s.Skip(ctx, lineA, control.Skip{}))
	}
	b.holderDid(t, delivery.Webhook, 2)
	must(t)(s.Pause(ctx, lineA))
	if got := b.asked(t); len(got.Skips) != 1 || got.Skips[0].Number != 3 || got.Number != 4 {
		t.Errorf("asked is %+v", got)
	}
}

// Its emails waited for ever to be skipped, the hundred and first was refused.
func TestSkipsAreForgottenInEveryChannel(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	inOrder(t, s, subscription.Ordered)
	b.holderDid(t, delivery.Email, 0, "")
	for range 3 {
		must(t)(s.Skip(ctx, lineA, control.Skip{}))
	}
	b.holderDid(t, delivery.Email, 2, "")
	must(t)(s.Pause(ctx, lineA))
	if got := b.asked(t); len(got.Skips) != 1 {
		t.Errorf("asked is %+v after the mailer applied two", got)
	}
	// In a channel that it left, it may still have a line that is behind.
	must(t)(s.Skip(ctx, lineA, control.Skip{}))
	b.holderDid(t, delivery.Email, 5)
	b.holderDid(t, delivery.Webhook, 2)
	must(t)(s.Resume(ctx, lineA))
	if got := b.asked(t); len(got.Skips) != 2 {
		t.Errorf("asked is %+v though a webhook's line applied two only", got)
	}
}

func TestAReplayBeginsWhereItIsToldWithinTheLog(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	inOrder(t, s, subscription.Ordered)
	_, err := s.Replay(ctx, lineA, control.From{Seq: 1})
	refused(t, err, fault.Invalid, "/from", "replay.future") // the log is empty
	third := b.accepted(t, 3)
	b.accepted(t, 2)
	for _, row := range []struct {
		rule string
		from control.From
		want uint64
	}{
		{"a sequence", control.From{Seq: 4}, 4},
		{"the newest event", control.From{Seq: 5}, 5},
		{"the moment of an event", control.From{At: third}, 3},
		{"the moment after it", control.From{At: third.Add(1)}, 4},
		{"long ago", control.From{At: time.Unix(1, 0)}, 1},
	} {
		must(t)(s.Replay(ctx, lineA, row.from))
		if got := b.asked(t).Replay; got.From != row.want || got.Number != b.asked(t).Number {
			t.Errorf("%s: %+v, want from %d", row.rule, got, row.want)
		}
	}
	for _, from := range []control.From{{Seq: 6}, {At: time.Now().Add(time.Hour)}} {
		_, err := s.Replay(ctx, lineA, from)
		refused(t, err, fault.Invalid, "/from", "replay.future")
	}
	events, err := b.js.Stream(ctx, topology.Events)
	if err != nil {
		t.Fatal(err)
	}
	if err := events.DeleteMsg(ctx, 1); err != nil { // as retention does
		t.Fatal(err)
	}
	must(t)(s.Replay(ctx, lineA, control.From{Seq: 1}))
	if got := b.asked(t).Replay.From; got != 2 {
		t.Errorf("replay from %d, which is not in the log", got)
	}
}

// TestNoControlIsLostOrNumberedTwiceByManyWriters has operators of several
// processes skip and pause at once.
func TestNoControlIsLostOrNumberedTwiceByManyWriters(t *testing.T) {
	b, s := start(t)
	inOrder(t, s, subscription.OrderedByAccount)
	const writers, each = 4, 8
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for w := range writers {
		other := b.another(t)
		all.Go(func() {
			for i := range each {
				skip := control.Skip{Delivery: fmt.Sprintf("dlv_%d_%d", w, i)}
				if _, err := other.Skip(ctx, lineA, skip); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := b.asked(t)
	seen := map[string]bool{}
	for i, k := range got.Skips {
		if k.Number != uint64(i+1) {
			t.Errorf("skip %d has number %d", i, k.Number)
		}
		seen[k.Delivery] = true
	}
	if len(seen) != writers*each || got.Number != writers*each {
		t.Errorf("%d different skips, number %d, want %d of each", len(seen), got.Number, writers*each)
	}
}
