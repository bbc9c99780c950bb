// Package settle records what becomes of deliveries: the outcome of every
// attempt in OUTCOMES, the next attempt in RETRIES, what was given up in
// PARKED; and it answers, when a delivery comes again after a crash, what was
// recorded for it. It is the same for every channel and refuses to judge an
// attempt.
//
// The order that survives a crash at any point is:
//
//	(note) ─▶ attempt ─▶ Retry or Park ─▶ Record ─▶ task done
package settle

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/gather"
	"github.com/billhook/billhook/streams/topology"
)

// DefaultDueTTL is how long a due retry is kept for a sender that is down: as
// long as deliveries are by default.
const DefaultDueTTL = 7 * 24 * time.Hour

// Config says which deliveries a desk is for.
type Config struct {
	Channel delivery.Channel
	// DueTTL is how long a due retry is kept at most; 0 is [DefaultDueTTL].
	DueTTL time.Duration
}

// Deps are what a desk is given.
type Deps struct {
	JS     jetstream.JetStream
	Logger zerolog.Logger
}

// Desk settles the deliveries of one channel. Its methods may be called by
// many goroutines. They keep trying while the server is away, until their
// context ends.
type Desk struct {
	cfg      Config
	deps     Deps
	outcomes *gather.Gatherer
	parked   *gather.Gatherer
	history  *history
}

// New returns a desk. It records while [Desk.Run] runs.
func New(cfg Config, deps Deps) *Desk {
	if cfg.DueTTL == 0 {
		cfg.DueTTL = DefaultDueTTL
	}
	return &Desk{
		cfg: cfg, deps: deps,
		outcomes: gather.New(deps.JS, topology.Outcomes),
		parked:   gather.New(deps.JS, topology.Parked),
		history:  newHistory(deps.JS, cfg.Channel),
	}
}

// Run works until ctx ends, then stores what has gathered, and returns nil.
// Whoever settles must have stopped before. It may be called once.
func (d *Desk) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { _ = d.outcomes.Run(ctx) }) // never fails
	work.Go(func() { _ = d.parked.Run(ctx) })
	d.sweep(ctx)
	return nil
}

// Pauses between tries.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// insist tries until it succeeds, ctx ends, or the server refuses for good.
func (d *Desk) insist(ctx context.Context, what string, try func() error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try()
		if err == nil || fault.KindOf(err) == fault.Invalid || ctx.Err() != nil {
			return err
		}
		d.deps.Logger.Warn().Err(err).Dur("pause", pause).Msg(what + " failed; tried again")
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}
