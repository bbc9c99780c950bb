// Package inorder makes the attempts of ordered emails: the mailer's part in
// what packages slots and series of the module streams do. It refuses the order
// itself, which is theirs.
package inorder

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/services/mailer/internal/attempt"
	"github.com/billhook/billhook/services/mailer/internal/route"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/series"
)

// Deliverer makes the attempts of ordered emails. It is a [series.Deliverer].
// How many run at once is bounded by the connections to each server.
type Deliverer struct{ maker *attempt.Maker }

// NewDeliverer returns a deliverer.
func NewDeliverer(m *attempt.Maker) *Deliverer { return &Deliverer{maker: m} }

// repair is after what time it is tried again where the owner has to mend
// something first: there are no SMTP settings.
const repair = 30 * time.Second

// Attempt implements [series.Deliverer]. A delivery with several letters sends
// one in each attempt. Where there is no way for now, the lane waits without an
// attempt: what comes in order is not given up for that.
func (d *Deliverer) Attempt(ctx context.Context, s *series.Task) (series.Answer, error) {
	t, err := attempt.Open(*s.Work)
	if err != nil {
		return d.answer(s, t, d.maker.End(t, attempt.Ending{Result: delivery.Parked, Reason: "malformed", Detail: err.Error()}))
	}
	t.Event, t.InOrder, t.Forever = s.Event, true, s.Head == series.Block
	t.Began = s.Stored // nothing else is known to whoever repeats a first attempt
	r, refusal := d.find(ctx, t)
	switch {
	case refusal == nil:
	case refusal.Result == delivery.Retrying:
		return series.Answer{NotBefore: d.maker.Now().Add(repair)}, nil
	default:
		return d.answer(s, t, d.maker.Refused(t, refusal))
	}
	made, err := d.maker.Make(ctx, t, r)
	var later *attempt.Later
	switch {
	case errors.As(err, &later):
		return series.Answer{NotBefore: later.At}, nil
	case err != nil:
		return series.Answer{}, err
	}
	if made.Leave != nil {
		made.Leave() // the lane itself waits for the record
	}
	return d.answer(s, t, made)
}

// answer puts the attempt into the series' work.
func (d *Deliverer) answer(s *series.Task, t *attempt.Task, made attempt.Made) (series.Answer, error) {
	if err := t.Freeze(); err != nil {
		return series.Answer{}, err
	}
	t.Attempts = made.Outcome.Attempt
	*s.Work = t.Work
	return series.Answer{Outcome: made.Outcome, Hopeless: made.Hopeless}, nil
}

// find gives the configuration time to arrive.
func (d *Deliverer) find(ctx context.Context, t *attempt.Task) (*route.Route, *route.Refusal) {
	r, refusal := d.maker.Find(t)
	if refusal == nil {
		return r, nil
	}
	if refusal = d.maker.Confirm(ctx, t, refusal); refusal != nil {
		return nil, refusal
	}
	return d.maker.Find(t)
}
