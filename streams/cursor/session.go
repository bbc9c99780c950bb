package cursor

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/fence"
	"github.com/billhook/billhook/streams/internal/pace"
)

// leaveTimeout bounds the last checkpoint of a holding.
const leaveTimeout = 2 * time.Second

// Session is one holding of the lease, given to the handler. Its methods may
// be called from the handler's methods only.
type Session struct {
	c      *Cursor
	shelf  shelf
	writer *fence.Writer
	// mark is kept but for the places, which are those of main and lanes.
	mark  mark
	main  *reading
	lanes []*reading // of the keys that lag; they take turns in this order
	// ahead is how many messages the main reading has passed since a lane had a
	// turn, moved is when it passed the last one, and opened when it began to
	// read.
	ahead         int
	moved, opened time.Time
	// rates are those of the keys; nil where none ever waits.
	rates *pace.Rates
	// pressed is true while the stream has no room for what waits.
	pressed bool
	// asideFrom is when a key may be set aside again, after one could not be.
	asideFrom time.Time
	// resting receives when a lane may have a turn again; nil when it may now.
	resting  <-chan time.Time
	revision uint64
	// dirty is true while the mark differs from what is stored.
	dirty bool
	// fatal is the error that ends the session, whatever the handler makes
	// of it: after a failed write nobody knows what is stored.
	fatal error
	// readers counts the readers of this session, for their names.
	readers int
}

// Position is the sequence of the last message whose step is done, but for keys
// that lag.
func (s *Session) Position() uint64 { return s.main.Position }

// PositionOf is the sequence up to which the steps of a key's messages are done.
func (s *Session) PositionOf(key string) uint64 {
	if l := s.laneOf(key); l != nil {
		return l.Position
	}
	return s.main.Position
}

// Half is a message whose first outputs are stored while the others are not.
type Half struct {
	Source uint64
	// Stored is how many of the outputs are.
	Stored int
}

// Halves returns what an earlier holder stored in part. Each of them is handled
// again, before any other message of its key.
func (s *Session) Halves() []Half {
	var out []Half
	for _, r := range s.all() {
		if r.Source != 0 {
			out = append(out, Half{r.Source, r.Index})
		}
	}
	return out
}

// Epoch grows with every take-over.
func (s *Session) Epoch() uint64 { return s.mark.Epoch }

// State is what the last SetState stored, by this holder or an earlier one;
// nil at first.
func (s *Session) State() json.RawMessage { return s.mark.State }

// SetState keeps v for the next checkpoint. It is not written by itself: a
// crash may forget it, so it may only say what can be found out again, unless
// [Session.Checkpoint] follows.
func (s *Session) SetState(v json.RawMessage) {
	s.mark.State, s.dirty = v, true
}

// Write stores outputs inside the fence without moving the position. Unlike
// those of a step they are not tied to a message: after a crash the handler
// decides by itself what is still to be written.
func (s *Session) Write(ctx context.Context, out []Output) error {
	return s.write(ctx, s.loose(out))
}

// Checkpoint stores position and state now.
func (s *Session) Checkpoint(ctx context.Context) error {
	rev, err := s.shelf.store(ctx, s.stamped(), s.revision)
	if err != nil {
		if errors.Is(err, ErrStale) {
			s.fatal = err
		}
		return err
	}
	s.revision, s.dirty = rev, false
	s.c.fault(FaultCheckpoint)
	return nil
}

// stamped returns the mark as it is to be stored now.
func (s *Session) stamped() mark {
	m := s.mark
	m.place, m.Lanes = s.main.place, s.places()
	if s.rates != nil {
		m.Rates = s.rates.Above(s.c.cfg.Lanes.Least)
	}
	m.Holder, m.At = s.c.cfg.Holder, s.c.deps.Now()
	if s.writer != nil {
		m.Fence = s.writer.Last()
	}
	return m
}

// leave stores a last checkpoint. Whether the lease still holds does not
// matter: the revision decides.
func (s *Session) leave(ctx context.Context) {
	if !s.dirty || s.fatal != nil || !s.c.deps.JS.Conn().IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
	defer cancel()
	if err := s.Checkpoint(ctx); err != nil && !errors.Is(err, ErrStale) {
		s.c.log.Warn().Err(err).Msg("last checkpoint not stored; work since then may be repeated")
	}
}

// fail makes err the end of the session.
func (s *Session) fail(err error) error {
	s.fatal = err
	return err
}

func (c *Cursor) fault(point string) {
	if c.cfg.Fault != nil {
		c.cfg.Fault(point)
	}
}

// errNoFence is a defect: outputs need a fence.
func (s *Session) errNoFence() error {
	return fault.New(fault.Internal, "write", s.c.cfg.Name, errors.New("the cursor has no fence"))
}
