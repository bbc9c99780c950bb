// Package cursor reads a stream in order, with at most one holder at a time,
// and writes each result exactly once.
package cursor

import (
	"context"
	"encoding/json"
)

// Cursor is one instance's claim to read a stream in order.
type Cursor struct {
	cfg     Config
	handler Handler
	deps    Deps
}

// New returns a cursor that does nothing until [Cursor.Run].
func New(cfg Config, handler Handler, deps Deps) *Cursor {
	return &Cursor{cfg: cfg, handler: handler, deps: deps}
}

// Run takes the lease when it is free, works, loses it, and tries again. It
// returns only when ctx ends, after a last checkpoint.
func (c *Cursor) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Held reports whether this instance holds the lease.
func (c *Cursor) Held() bool { return false }

// Ready is closed once this instance has asked for the lease with an answer:
// it works, or another does.
func (c *Cursor) Ready() <-chan struct{} { return nil }

// Session is one holding of the lease, given to the handler.
type Session struct{}

// Position is the sequence of the last message whose step is done.
func (s *Session) Position() uint64 { return 0 }

// Epoch grows with every take-over.
func (s *Session) Epoch() uint64 { return 0 }

// State is what the last SetState stored, by any holder; nil at first.
func (s *Session) State() json.RawMessage { return nil }

// SetState keeps v for the next checkpoint.
func (s *Session) SetState(v json.RawMessage) {}

// Write stores outputs inside the fence without moving the position.
func (s *Session) Write(ctx context.Context, out []Output) error { return nil }

// Checkpoint stores position and state now.
func (s *Session) Checkpoint(ctx context.Context) error { return nil }
