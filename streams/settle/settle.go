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

// Desk settles the deliveries of one channel. Its methods may be called by
// many goroutines. They keep trying while the server is away, until their
// context ends.
type Desk struct {
	js       jetstream.JetStream
	channel  delivery.Channel
	log      zerolog.Logger
	outcomes *gather.Gatherer
	parked   *gather.Gatherer
	history  *history
}

// New returns a desk of a channel. It records while [Desk.Run] runs.
func New(js jetstream.JetStream, ch delivery.Channel, log zerolog.Logger) *Desk {
	return &Desk{
		js: js, channel: ch, log: log,
		outcomes: gather.NewJoining(js, topology.Outcomes),
		parked:   gather.New(js, topology.Parked),
		history:  newHistory(js, ch),
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
	// tryTimeout bounds one try of a request: what was lost with a connection is
	// never answered.
	tryTimeout = 5 * time.Second
)

// insist tries until it succeeds, ctx ends, or the server refuses for good.
func (d *Desk) insist(ctx context.Context, op string, ref *delivery.Reference, try func(context.Context) error) error {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := try(ctx)
		if err == nil || fault.KindOf(err) == fault.Invalid || ctx.Err() != nil {
			return err
		}
		d.log.Warn().Err(err).Str("owner", ref.Owner).Str("delivery", ref.ID).Msg("could not " + op + "; trying again")
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return err
		case <-t.C:
		}
	}
}

// bounded is a try that ends after a while. What is gathered needs none: a
// gatherer bounds each flush itself, and a second try would wait behind the one
// that has the first in it, and store it twice.
func bounded(try func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, tryTimeout)
		defer cancel()
		return try(ctx)
	}
}
