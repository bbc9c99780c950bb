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
	ends, err := c.ends(ctx)
	if err != nil {
		return nil, err
	}
	s.mark = resume(stored, newest)
	s.mark.Epoch = max(stored.Epoch, newest.Epoch) + 1
	if revision == 0 && newest.Epoch == 0 {
		s.mark.Position = max(c.cfg.Start, ends.FirstSeq-min(1, ends.FirstSeq))
	} else if err := s.fit(ctx, ends); err != nil {
		return nil, err
	}
	if s.revision, err = s.shelf.claim(ctx, s.stamped(), revision); err != nil {
		return nil, err
	}
	s.writer = fence.New(c.deps.JS, c.cfg.Fence, s.mark.Epoch, newest.Seq)
	return s, nil
}

// resume returns where to go on, from the stored mark and the newest output.
// The newest output decides unless the mark was stored after it.
func resume(stored mark, newest fence.Newest) mark {
	m := stored
	m.Fence = newest.Seq
	if newest.Epoch == 0 || newest.Seq <= stored.Fence {
		return m
	}
	m.Position, m.Source, m.Index = newest.Source, 0, 0
	if newest.Index < newest.Of {
		m.Position, m.Source, m.Index = newest.Source-1, newest.Source, newest.Index
	}
	return m
}

// fit compares the position with the ends of the stream. A stream that begins
// later has lost messages to retention; one that ends earlier was made again,
// or lost its end in a crash of the server: both are recorded, before the
// epoch is claimed, so that no crash makes a gap silent.
func (s *Session) fit(ctx context.Context, ends jetstream.StreamState) error {
	at := s.mark.Position
	switch {
	case ends.FirstSeq > at+1:
		s.mark.Position = ends.FirstSeq - 1
	case ends.LastSeq < at:
		s.mark.Position = ends.LastSeq
	default:
		return nil
	}
	s.mark.Source, s.mark.Index, s.dirty = 0, 0, true
	return s.c.gap(ctx, Gap{After: at, First: ends.FirstSeq, Last: ends.LastSeq})
}

// ends returns the state of the stream that is read.
func (c *Cursor) ends(ctx context.Context) (jetstream.StreamState, error) {
	ctx, cancel := api.Bound(ctx, c.deps.JS)
	defer cancel()
	str, err := c.deps.JS.Stream(ctx, c.cfg.Stream)
	if err != nil {
		return jetstream.StreamState{}, fault.New(fault.Unavailable, "read stream", c.cfg.Stream, err)
	}
	return str.CachedInfo().State, nil
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
	c.log.Error().Str("stream", g.Stream).Uint64("after", g.After).Uint64("first", g.First).Uint64("last", g.Last).
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
