package cursor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/internal/api"
	"github.com/billhook/billhook/streams/internal/pace"
	"github.com/billhook/billhook/streams/subject"
)

// takeOver finds the position, claims the next epoch, and returns the session.
func (c *Cursor) takeOver(ctx context.Context) (*Session, error) {
	s := &Session{c: c, shelf: shelf{c.deps.JS, c.cfg.Name}}
	stored, revision, err := s.shelf.load(ctx)
	if err != nil {
		return nil, err
	}
	var newest fence.Newest
	if !c.cfg.Fence.Zero() {
		if newest, err = fence.Read(ctx, c.deps.JS, c.cfg.Fence); err != nil {
			return nil, err
		}
	}
	info, err := c.stream(ctx)
	if err != nil {
		return nil, err
	}
	ends := info.State
	if s.mark, err = resume(stored, newest); err != nil {
		return nil, fault.New(fault.Internal, "read newest", c.cfg.Name, err)
	}
	s.mark.Epoch = max(stored.Epoch, newest.Epoch) + 1
	if l := c.cfg.Lanes; l != nil && l.Spread > 0 {
		s.rates = pace.NewRates(l.Spread, stored.Rates)
	}
	s.main, s.lanes = s.readings()
	if revision == 0 && newest.Epoch == 0 {
		s.main.Position = max(c.cfg.Start, ends.FirstSeq-min(1, ends.FirstSeq))
	} else if err := s.fit(ctx, ends); err != nil {
		return nil, err
	}
	if s.revision, err = s.shelf.claim(ctx, s.stamped(), revision); err != nil {
		return nil, err
	}
	s.writer = fence.New(c.deps.JS, c.cfg.Fence, s.mark.Epoch, newest.Seq)
	return s, nil
}

// fit compares the places with the ends of the stream. A stream that begins
// later has lost messages to retention; one that ends earlier was made again,
// or lost its end in a crash of the server: both are recorded, before the
// epoch is claimed, so that no crash makes a gap silent.
func (s *Session) fit(ctx context.Context, ends jetstream.StreamState) error {
	for _, r := range s.all() {
		at := r.Position
		switch {
		case ends.FirstSeq > at+1:
			r.place = place{Position: ends.FirstSeq - 1}
		case ends.LastSeq < at:
			r.place = place{Position: ends.LastSeq}
		default:
			continue
		}
		s.dirty = true
		if err := s.c.gap(ctx, Gap{Key: r.key, After: at, First: ends.FirstSeq, Last: ends.LastSeq}); err != nil {
			return err
		}
	}
	return nil
}

// stream returns the stream that is read, as it is now.
func (c *Cursor) stream(ctx context.Context) (*jetstream.StreamInfo, error) {
	ctx, cancel := api.Bound(ctx, c.deps.JS)
	defer cancel()
	str, err := c.deps.JS.Stream(ctx, c.cfg.Stream)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "read stream", c.cfg.Stream, err)
	}
	return str.CachedInfo(), nil
}

// gap records a gap, logs it, and tells the hook.
func (c *Cursor) gap(ctx context.Context, g Gap) error {
	ctx, cancel := api.Bound(ctx, c.deps.JS)
	defer cancel()
	g.Cursor, g.Stream, g.At = c.cfg.Name, c.cfg.Stream, c.deps.Now()
	data, err := json.Marshal(g)
	if err != nil {
		return fault.New(fault.Internal, "encode gap", c.cfg.Name, err)
	}
	msg := &nats.Msg{Subject: subject.Gap(c.cfg.Name), Data: data}
	if _, err := c.deps.JS.PublishMsg(ctx, msg); err != nil {
		return fault.New(fault.Unavailable, "record gap", c.cfg.Name, err)
	}
	c.log.Error().Str("stream", g.Stream).Str("key", g.Key).Uint64("after", g.After).Uint64("first", g.First).Uint64("last", g.Last).
		Msg("cursor lost messages; see the stream GAPS")
	if c.cfg.OnGap != nil {
		c.cfg.OnGap(g)
	}
	return nil
}

// errSteps is a defect of a handler.
func errSteps(steps, messages int) error {
	return fault.New(fault.Internal, "handle", "", fmt.Errorf("%d steps for %d messages", steps, messages))
}
