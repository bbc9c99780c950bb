// Package cursor reads a stream in order, with one holder at a time among any
// number of instances, through crashes, and stores what its handler makes of
// each message exactly once.
//
//	lease (who may work) ─▶ epoch (whose work counts) ─▶ position ─▶ read ─▶ handle ─▶ write inside the fence
//	   ▲                                                    ▲                              │
//	   └──────── lost, fenced off, or an error ◀────────────┼──────────────────────────────┤
//	                                                        └── checkpoint, now and then ◀─┘
//
// The lease only avoids useless work. What makes it safe is the fence: every
// write expects the newest output to be the one that the writer knows, and
// every output says which message it was made from. So a new holder resumes
// behind the newest output, and a former one that wakes up is refused. Where
// messages have keys, one of which much has gathered, or a flood comes, gives way
// to the others: its place is then one of several. The package refuses to
// acknowledge anything to the stream: the checkpoint is its own.
package cursor

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/lease"
)

// Cursor is one instance's part in reading a stream in order.
type Cursor struct {
	cfg     Config
	handler Handler
	deps    Deps
	log     zerolog.Logger

	held      atomic.Bool
	ready     chan struct{}
	readyOnce sync.Once
}

// New returns a cursor that does nothing until [Cursor.Run].
func New(cfg Config, handler Handler, deps Deps) *Cursor {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	return &Cursor{
		cfg: cfg.withDefaults(), handler: handler, deps: deps,
		log:   deps.Logger.With().Str("cursor", cfg.Name).Str("holder", cfg.Holder).Logger(),
		ready: make(chan struct{}),
	}
}

// Run takes the lease when it is free, works, loses it, and tries again. It
// returns nil, and only when ctx has ended; what was done is then in the
// checkpoint and the lease is given back. It may be called once.
func (c *Cursor) Run(ctx context.Context) error {
	keeper := lease.New(c.deps.JS, c.cfg.Name, c.cfg.Holder, c.cfg.LeaseTTL)
	pause := newPause()
	for ctx.Err() == nil {
		err := keeper.Hold(ctx, func(ctx context.Context) error { return c.hold(ctx, pause) })
		if errors.Is(err, lease.ErrHeld) {
			c.isReady()
			err = keeper.Await(ctx)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		c.logEnd(err)
		pause.wait(ctx, nil)
	}
	return nil
}

// Held reports whether this instance holds the lease and has taken over.
func (c *Cursor) Held() bool { return c.held.Load() }

// Ready is closed once this instance works, or knows that another does.
func (c *Cursor) Ready() <-chan struct{} { return c.ready }

// Await waits until all cursors are ready and returns true, or false when ctx
// ends before.
func Await(ctx context.Context, cursors []*Cursor) bool {
	for _, c := range cursors {
		if !process.Await(ctx, c.Ready()) {
			return false
		}
	}
	return true
}

func (c *Cursor) isReady() { c.readyOnce.Do(func() { close(c.ready) }) }

// hold is one holding of the lease, from take-over to its end.
func (c *Cursor) hold(ctx context.Context, pause *pause) error {
	s, err := c.takeOver(ctx)
	if err != nil {
		return err
	}
	c.held.Store(true)
	defer c.held.Store(false)
	c.log.Info().Uint64("epoch", s.mark.Epoch).Uint64("position", s.main.Position).Int("lagging", len(s.lanes)).Msg("cursor taken over")
	if err := c.handler.Begin(ctx, s); err != nil {
		return errors.Join(err, s.fatal)
	}
	c.isReady()
	pause.reset()
	err = s.work(ctx)
	s.leave(ctx)
	return err
}

// logEnd says why a holding ended. Being replaced is no failure.
func (c *Cursor) logEnd(err error) {
	e := c.log.Warn()
	if replaced(err) {
		e = c.log.Info()
	}
	e.Err(err).Msg("cursor given up; trying again")
}
