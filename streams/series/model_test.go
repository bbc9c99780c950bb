package series

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/fence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// play is a run of one subscription through faults.
type play struct {
	*world
	plan    Plan
	healthy bool
	down    map[string]bool // accounts whose deliveries fail
	work    sync.WaitGroup
	holders []*holder
}

// holder is an instance that believes to hold the slot.
type holder struct {
	*conn
	series *Series
	nudge  chan struct{}
	cancel context.CancelFunc
	over   bool
}

// recorded reports whether the newest position knows of a failed attempt.
func (w *world) recorded(deliveryID string) bool {
	if len(w.stored) == 0 {
		return false
	}
	for _, l := range w.stored[len(w.stored)-1].position.Lanes {
		if l.Kept == deliveryID {
			return true
		}
	}
	return false
}

// attempt is the receiver: it logs the request when it comes, and answers
// later, whether or not the sender still lives.
func (p *play) attempt(ctx context.Context, c *conn, t *Task) (Answer, error) {
	ref := t.Work.Delivery
	now := time.Now()
	p.mu.Lock()
	if c.cut {
		p.mu.Unlock()
		return Answer{}, errCut
	}
	if !p.healthy && p.rand.Intn(30) == 0 {
		p.mu.Unlock()
		return Answer{NotBefore: now.Add(300 * time.Millisecond)}, nil
	}
	// A former holder's request was under way; it may not know what is kept.
	if kept, ok := p.kept[ref.ID]; ok && !c.former() && p.recorded(ref.ID) && string(kept.Frozen) != string(t.Work.Frozen) {
		p.blame("delivery of %d: the bytes changed from %q to %q", ref.EventSeq, kept.Frozen, t.Work.Frozen)
	}
	if t.Event != nil && !t.Stored.Equal(storedAt(ref.EventSeq)) {
		p.blame("delivery of %d: its event was stored %s", ref.EventSeq, t.Stored)
	}
	if len(t.Work.Frozen) == 0 {
		t.Work.Frozen = strconv.AppendInt(nil, p.rand.Int63(), 36)
	}
	accepted := p.healthy || !p.down[ref.Account] && p.rand.Intn(12) > 0
	p.history = append(p.history, entry{
		kind: sent, subscription: ref.Subscription, lane: p.plan.lane(ref.Account), seq: ref.EventSeq, epoch: c.epoch, accepted: accepted,
	})
	took := time.Duration(p.rand.Intn(40)) * time.Millisecond
	p.mu.Unlock()
	select {
	case <-time.After(took):
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	t.Work.Attempts++
	o := &delivery.Outcome{Attempt: t.Work.Attempts, Delivery: ref, At: now, Result: delivery.Delivered}
	if !accepted {
		o.Result, o.NextAt = delivery.Retrying, now.Add(took+time.Duration(t.Work.Attempts)*500*time.Millisecond)
		if t.Work.Attempts >= 4 {
			o.Result, o.NextAt = delivery.Parked, time.Time{}
		}
	}
	return Answer{Outcome: o}, nil
}

type receiver struct {
	p *play
	c *conn
}

func (r receiver) Attempt(ctx context.Context, t *Task) (Answer, error) {
	return r.p.attempt(ctx, r.c, t)
}

// hold starts a holder.
func (p *play) hold() {
	ctx, cancel := context.WithCancel(context.Background())
	c := &conn{w: p.world, die: cancel}
	h := &holder{conn: c, nudge: make(chan struct{}, 1), cancel: cancel}
	h.series = build(Config{
		Key: Key{Channel: delivery.Webhook, Owner: "acme", Subscription: "sub"}, Plan: p.plan, Control: p.controls(),
		Limits: Limits{Window: 24, Parallel: 4, Blocked: 6, Linger: 50 * time.Millisecond, Turn: 100 * time.Millisecond, Block: 2 * time.Second},
	}, Deps{Deliverer: receiver{p, c}, Log: zerolog.Nop(), Fault: func(string) { p.perhapsCrash(h) }}, c.ground())
	p.holders = append(p.holders, h)
	p.work.Go(func() { h.loop(ctx, p) })
}

func (p *play) controls() Control {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.control
}

// loop is what the owner of slots does with a series.
func (h *holder) loop(ctx context.Context, p *play) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		h.over = true
	}()
	for ctx.Err() == nil {
		rest, err := h.series.Run(ctx)
		switch {
		case errors.Is(err, fence.ErrFenced), errors.Is(err, errCut):
			return
		case err != nil:
			continue
		}
		wait := time.Hour
		if !rest.Next.IsZero() {
			wait = max(0, time.Until(rest.Next))
		}
		p.mu.Lock()
		behind := rest.Through < uint64(len(p.world.events)) && !rest.Blocked && !rest.Paused
		p.mu.Unlock()
		if behind {
			continue
		}
		select {
		case <-ctx.Done():
		case <-h.nudge:
		case <-time.After(wait):
		}
	}
}

func (h *holder) wake() {
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

func (p *play) perhapsCrash(h *holder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.healthy && p.rand.Intn(60) == 0 {
		p.kill(h)
	}
}

func (p *play) kill(h *holder) {
	h.cut = true
	h.cancel()
}

// ensure has at least one holder.
func (p *play) ensure() {
	p.mu.Lock()
	alive := slices.ContainsFunc(p.holders, func(h *holder) bool { return !h.over && !h.cut })
	p.mu.Unlock()
	if !alive {
		p.hold()
	}
}

// direct changes the controls.
func (p *play) direct(change func(*Control)) {
	p.mu.Lock()
	p.control.Skips = slices.Clone(p.control.Skips)
	p.control.Number++
	change(&p.control)
	c := p.control
	p.mu.Unlock()
	for _, h := range p.holders {
		h.series.SetControl(c)
		h.wake()
	}
}

var accounts = []string{"a", "b", "c", "d", "e", "f"}

// pause is how long it is until the next thing happens.
func (p *play) pause() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.rand.Intn(400)) * time.Millisecond
}

// act does one random thing.
func (p *play) act() {
	p.mu.Lock()
	what, n, account := p.rand.Intn(20), p.rand.Intn(12), accounts[p.rand.Intn(len(accounts))]
	seq := uint64(1 + p.rand.Intn(len(p.world.events)+1))
	p.mu.Unlock()
	switch {
	case what < 8:
		p.publish(n)
	case what < 10:
		p.mu.Lock()
		p.down[account] = !p.down[account]
		p.mu.Unlock()
	case what == 10 && len(p.holders) > 0:
		p.mu.Lock()
		p.kill(p.holders[len(p.holders)-1])
		p.mu.Unlock()
	case what == 11:
		p.hold() // the former one does not know it yet
	case what == 12:
		p.direct(func(c *Control) { c.Paused = true })
	case what < 15:
		p.direct(func(c *Control) { c.Paused = false })
	case what < 17:
		p.direct(func(c *Control) { c.Skips = append(c.Skips, Skip{Number: c.Number, Account: account}) })
	case what == 17:
		p.direct(func(c *Control) { c.Replay = Replay{Number: c.Number, From: seq} })
		p.settleReplay()
	case what == 18:
		for _, h := range p.holders {
			h.series.SetCrowded(n%2 == 0)
		}
	default:
	}
	p.ensure()
}

// settleReplay waits until the replay is applied: a later one replaces it.
func (p *play) settleReplay() {
	for range 400 {
		p.ensure()
		<-time.After(100 * time.Millisecond)
		p.mu.Lock()
		n := len(p.stored)
		applied := n > 0 && p.stored[n-1].position.Applied >= p.control.Replay.Number
		p.mu.Unlock()
		if applied {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blame("replay %d was not applied in 40 s", p.control.Replay.Number)
}

func (p *play) publish(n int) {
	var events []event.Event
	p.mu.Lock()
	for range n {
		e := event.Event{Type: "match", Account: accounts[p.rand.Intn(len(accounts))]}
		switch p.rand.Intn(6) {
		case 0:
			e.Type = "other"
		case 1:
			e.Type = "unread"
		}
		events = append(events, e)
	}
	p.mu.Unlock()
	p.happen(events...)
	for _, h := range p.holders {
		h.wake()
	}
}

// finish lets everything heal and waits for the end.
func (p *play) finish() {
	p.mu.Lock()
	p.healthy = true
	p.mu.Unlock()
	p.direct(func(c *Control) { c.Paused = false })
	for range 40 {
		p.ensure()
		<-time.After(5 * time.Second)
		p.direct(func(c *Control) { c.Paused = false })
	}
	for _, h := range p.holders {
		h.cancel()
	}
	p.work.Wait()
}

// course is what should have come.
func (p *play) course() course {
	c := course{subscription: "sub", head: p.plan.head(), lanes: map[string][]uint64{}}
	for i, e := range p.world.events {
		if e.Type == "match" {
			lane := p.plan.lane(e.Account)
			c.lanes[lane] = append(c.lanes[lane], uint64(i+1))
		}
	}
	return c
}

// run plays a seed and returns what went wrong.
func run(seed int64) []string {
	p := &play{world: newWorld(seed), down: map[string]bool{}}
	p.plan = Plan{
		Match:     func(e *event.Event, _ uint64) (int, bool) { return 1, e.Type == "match" },
		ByAccount: seed%3 != 0, Head: []Head{Block, Park, Pause}[seed%7%3],
	}
	p.publish(20)
	p.ensure()
	for range 40 {
		<-time.After(p.pause())
		p.act()
	}
	p.finish()
	c := p.course()
	for i := range p.history {
		p.history[i].lane = p.plan.lane(p.history[i].lane)
	}
	return append(p.faults, judged(c, p.history)...)
}

// seeds is how many runs are played; BILLHOOK_SERIES_SEEDS plays more.
func seeds(t *testing.T) int64 {
	if n, err := strconv.ParseInt(os.Getenv("BILLHOOK_SERIES_SEEDS"), 10, 64); err == nil {
		return n
	}
	if testing.Short() {
		return 20
	}
	return 100
}

func TestOrderHoldsAndNothingIsLostWhateverHappens(t *testing.T) {
	for seed := range seeds(t) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if found := run(seed); len(found) > 0 {
					t.Fatalf("%d faults, first: %q", len(found), found[:min(5, len(found))])
				}
			})
		})
	}
}
