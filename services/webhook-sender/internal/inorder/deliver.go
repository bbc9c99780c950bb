// Package inorder makes the attempts of ordered webhooks: the sender's part in
// what packages slots and series do. It refuses the order itself, which is
// theirs.
package inorder

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/services/webhook-sender/internal/attempt"
	"github.com/billhook/billhook/services/webhook-sender/internal/gate"
	"github.com/billhook/billhook/services/webhook-sender/internal/target"
	"github.com/billhook/billhook/services/webhook-sender/internal/turn"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series"
	"github.com/billhook/billhook/streams/settle"
)

// Deliverer makes the attempts of ordered webhooks. It is a [series.Deliverer].
type Deliverer struct {
	maker *attempt.Maker
	turns *turn.Turns
	gate  *gate.Gate
}

// NewDeliverer returns a deliverer whose requests wait for their turns, and for
// their endpoints.
func NewDeliverer(m *attempt.Maker, t *turn.Turns, g *gate.Gate) *Deliverer {
	return &Deliverer{maker: m, turns: t, gate: g}
}

// repair is after what time it is tried again where somebody has something to
// repair: an endpoint is disabled, or its secret cannot be opened.
const repair = 10 * time.Second

// Attempt implements [series.Deliverer]. An endpoint that is disabled, open, or
// that only the operator can repair, keeps its lanes waiting without an
// attempt: what comes in order is not given up for that.
func (d *Deliverer) Attempt(ctx context.Context, t *series.Task) (series.Answer, error) {
	where, refusal := d.find(ctx, t.Work)
	switch {
	case refusal == nil:
	case refusal.Result == delivery.Retrying:
		return series.Answer{NotBefore: d.maker.Now().Add(repair)}, nil
	default:
		return d.answer(t, d.maker.Refused(t.Work, refusal)), nil
	}
	mine, wait, err := d.turns.Take(ctx, t.Work.Delivery.Owner, where)
	switch {
	case errors.Is(err, turn.ErrStopped):
		return series.Answer{NotBefore: d.maker.Now().Add(repair)}, nil // another instance goes on
	case err != nil:
		return series.Answer{}, err
	case mine == nil:
		return series.Answer{NotBefore: d.maker.Now().Add(wait)}, nil
	}
	defer mine.Leave()
	pass, err := d.gate.Ask(ctx, gate.Key{Owner: t.Work.Delivery.Owner, Endpoint: where.Endpoint})
	if err != nil {
		return series.Answer{}, err
	}
	if !pass.OK {
		// It may be back before it was meant to be.
		return series.Answer{NotBefore: earlier(pass.NotBefore, d.maker.Now().Add(repair))}, nil
	}
	made, err := d.maker.Make(ctx, t.Work, where, attempt.Way{
		Answered: mine.Free, Sequence: t.Sequence(), Forever: t.Head == series.Block, Event: t.Event,
	})
	if !made.Requested {
		d.gate.Return(ctx, pass)
	}
	if err != nil {
		return series.Answer{}, err
	}
	if made.Requested {
		made.Told.Probe = pass.Probe
		d.gate.Report(ctx, gate.Answered{
			Key:    gate.Key{Owner: t.Work.Delivery.Owner, Endpoint: where.Endpoint},
			Answer: made.Told, Cause: t.Work.Delivery.EventType,
		})
	}
	return d.answer(t, made), nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (d *Deliverer) answer(t *series.Task, made attempt.Made) series.Answer {
	*t.Work = made.After(*t.Work)
	return series.Answer{Outcome: made.Outcome}
}

// find gives the configuration time to arrive.
func (d *Deliverer) find(ctx context.Context, w *settle.Work) (*target.Target, *target.Refusal) {
	where, refusal := d.maker.Find(w)
	if refusal == nil {
		return where, nil
	}
	if refusal = d.maker.Confirm(ctx, w, refusal); refusal != nil {
		return nil, refusal
	}
	return d.maker.Find(w)
}
