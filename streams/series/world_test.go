package series

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"slices"
	"sync"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/internal/ordered"
	"github.com/billhook/billhook/streams/series/position"
	"github.com/billhook/billhook/streams/settle"
)

var errCut = errors.New("the connection is cut")

// world is a broker in memory, and the history of what happened.
type world struct {
	mu      sync.Mutex
	rand    *rand.Rand
	events  []event.Event // by sequence - 1; those of type "other" do not match
	sources map[*stream]bool
	stored  []record // inside the fence
	copied  *Copy
	kept    map[string]settle.Work
	control Control
	history []entry
	faults  []string
	gaps    int
}

func newWorld(seed int64) *world {
	return &world{rand: rand.New(rand.NewSource(seed)), sources: map[*stream]bool{}, kept: map[string]settle.Work{}}
}

// chance reports true with a probability of 1 in n.
func (w *world) blame(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

// happen adds events.
func (w *world) happen(events ...event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range events {
		e.ID = fmt.Sprint("evt_", len(w.events)+1)
		w.events = append(w.events, e)
	}
	for s := range w.sources {
		s.signal()
	}
}

// conn is one holder's way to the world, until it is cut.
type conn struct {
	w     *world
	cut   bool
	epoch uint64
	last  int // messages inside the fence as far as it knows
	die   func()
}

func (c *conn) ground() ground {
	return ground{events: c, ledger: c, heads: shelf{c}, park: c.park, gap: c.gap}
}

// alive locks the world for a request.
func (c *conn) alive() (func(), error) {
	c.w.mu.Lock()
	if c.cut {
		c.w.mu.Unlock()
		return nil, errCut
	}
	return c.w.mu.Unlock, nil
}

// stream is a reading.
type stream struct {
	c      *conn
	at     uint64
	ready  chan struct{}
	failed chan error
}

func (s *stream) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *stream) Ready() <-chan struct{} { return s.ready }
func (s *stream) Failed() <-chan error   { return s.failed }

func (s *stream) Take(n int) (out []ordered.Message) {
	done, err := s.c.alive()
	if err != nil {
		return nil
	}
	defer done()
	w := s.c.w
	for len(out) < n && s.at < uint64(len(w.events)) {
		s.at++
		if e := w.events[s.at-1]; e.Type != "unread" {
			b, _ := json.Marshal(e)
			out = append(out, ordered.Message{Seq: s.at, Data: b, Time: storedAt(s.at)})
		}
	}
	if s.at < uint64(len(w.events)) {
		s.signal()
	}
	if w.rand.Intn(40) == 0 {
		select {
		case s.failed <- errCut:
		default:
		}
	}
	return out
}

func (s *stream) Close(context.Context) {
	s.c.w.mu.Lock()
	defer s.c.w.mu.Unlock()
	delete(s.c.w.sources, s)
}

func (c *conn) read(_ context.Context, _ []string, after uint64) (source, error) {
	done, err := c.alive()
	if err != nil {
		return nil, err
	}
	defer done()
	s := &stream{c: c, at: after, ready: make(chan struct{}, 1), failed: make(chan error, 1)}
	c.w.sources[s] = true
	s.signal()
	return s, nil
}

func (c *conn) ends(context.Context, []string) (eventlog.Ends, error) {
	done, err := c.alive()
	if err != nil {
		return eventlog.Ends{}, err
	}
	defer done()
	e := eventlog.Ends{First: 1, Last: uint64(len(c.w.events))}
	for i, ev := range c.w.events {
		if ev.Type != "unread" {
			e.Newest = uint64(i + 1)
		}
	}
	return e, nil
}

// storedAt is when the event of a sequence was stored.
func storedAt(seq uint64) time.Time { return time.Unix(int64(seq), 0) }

func (c *conn) get(_ context.Context, seq uint64) (*event.Event, time.Time, error) {
	done, err := c.alive()
	if err != nil {
		return nil, time.Time{}, err
	}
	defer done()
	if seq == 0 || seq > uint64(len(c.w.events)) {
		return nil, time.Time{}, eventlog.ErrExpired
	}
	e := c.w.events[seq-1]
	return &e, storedAt(seq), nil
}

func (c *conn) gap(context.Context, uint64, eventlog.Ends) error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	c.w.gaps++
	return nil
}

func (c *conn) claim(ctx context.Context, start position.Position) (position.Position, error) {
	done, err := c.alive()
	if err != nil {
		return position.Position{}, err
	}
	p := start
	c.last = len(c.w.stored)
	if c.last > 0 {
		p = c.w.stored[c.last-1].position
	}
	if c.w.copied != nil && c.w.copied.Fence >= uint64(c.last) {
		p = c.w.copied.Position
	}
	b, _ := p.Encode()
	p, _ = position.Decode(b)
	p.Epoch++
	c.epoch = p.Epoch
	done()
	return p, c.write(ctx, []record{{position: p}})
}

func (c *conn) write(_ context.Context, records []record) error {
	done, err := c.alive()
	if err != nil {
		return err
	}
	defer done()
	if c.last != len(c.w.stored) {
		return fence.ErrFenced
	}
	n := len(records)
	if n > 1 && c.w.rand.Intn(30) == 0 {
		n = c.w.rand.Intn(n)
	}
	for _, r := range records[:n] {
		c.w.store(c.epoch, r)
	}
	if c.last += n; n < len(records) {
		c.cut = true
		c.die()
		return errCut
	}
	return nil
}

// store notes what a record inside the fence says.
func (w *world) store(epoch uint64, r record) {
	var before position.Position
	if n := len(w.stored); n > 0 {
		before = w.stored[n-1].position
	}
	b, _ := r.position.Encode()
	r.position, _ = position.Decode(b)
	w.stored = append(w.stored, r)
	if r.position.Epoch > before.Epoch {
		w.history = append(w.history, entry{kind: claimed, epoch: epoch})
	}
	moved := false
	if at := r.position.Applied; at > before.Applied {
		moved = w.applied(before.Applied, at, r)
	}
	if r.position.Watermark < before.Watermark && !moved {
		w.blame("the checkpoint moved back from %d to %d", before.Watermark, r.position.Watermark)
	}
	if o := r.outcome; o != nil && o.Result == delivery.Skipped {
		w.history = append(w.history, entry{kind: skipped, subscription: "sub", lane: o.Delivery.Account, seq: o.Delivery.EventSeq, epoch: epoch})
	}
}

// applied notes the controls that a record applied, and reports whether one of
// them is a replay.
func (w *world) applied(from, to uint64, r record) bool {
	if p := w.control.Replay; p.Number > from && p.Number <= to {
		w.history = append(w.history, entry{kind: replayed, seq: p.From})
		return true
	}
	if r.outcome != nil && r.outcome.Result != delivery.Skipped {
		w.blame("control %d was applied with outcome %s", to, r.outcome.Result)
	}
	return false
}

func (c *conn) copy(_ context.Context, p position.Position) error {
	done, err := c.alive()
	if err != nil {
		return err
	}
	defer done()
	b, _ := p.Encode()
	p, _ = position.Decode(b)
	if c.w.copied == nil || c.w.copied.Fence <= uint64(c.last) {
		c.w.copied = &Copy{Position: p, Fence: uint64(c.last)}
	}
	return nil
}

func (c *conn) park(_ context.Context, work *settle.Work, _ *delivery.Outcome) error {
	done, err := c.alive()
	if err != nil {
		return err
	}
	defer done()
	ref := work.Delivery
	c.w.history = append(c.w.history, entry{kind: parked, subscription: ref.Subscription, lane: ref.Account, seq: ref.EventSeq, epoch: c.epoch})
	return nil
}

// former reports whether another holder has taken over.
func (c *conn) former() bool {
	n := len(c.w.stored)
	return n > 0 && c.epoch < c.w.stored[n-1].position.Epoch
}

// shelf keeps heads in the world.
type shelf struct{ c *conn }

func (s shelf) keep(_ context.Context, w *settle.Work) error {
	done, err := s.c.alive()
	if err != nil {
		return err
	}
	defer done()
	c := *w
	c.Header, c.Frozen = maps.Clone(w.Header), slices.Clone(w.Frozen)
	s.c.w.kept[w.Delivery.ID] = c
	return nil
}

func (s shelf) load(_ context.Context, id string) (*settle.Work, error) {
	done, err := s.c.alive()
	if err != nil {
		return nil, err
	}
	defer done()
	if w, ok := s.c.w.kept[id]; ok {
		return &w, nil
	}
	return nil, nil
}

func (s shelf) drop(_ context.Context, id string) error {
	done, err := s.c.alive()
	if err != nil {
		return err
	}
	defer done()
	delete(s.c.w.kept, id)
	return nil
}

func (s shelf) list(context.Context) (out []delivery.Reference, err error) {
	done, err := s.c.alive()
	if err != nil {
		return nil, err
	}
	defer done()
	for _, w := range s.c.w.kept {
		out = append(out, w.Delivery)
	}
	return out, nil
}
