package plan

import (
	"context"
	"errors"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/plan/book"
	"github.com/billhook/billhook/config/plan/matter"
	"github.com/billhook/billhook/config/plan/timer"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
)

// errNotPending is why nothing more can be done about a plan.
var errNotPending = errors.New("it is not pending: what fires, has fired or was cancelled stays that way")

// Recorder keeps who did what, before it is done.
type Recorder interface {
	Record(ctx context.Context, d store.Deed) error
}

// Cancel cancels a pending plan. Only a new delivery plans it again, or usage on
// a later day. It fails with [fault.Conflict] when the plan is not pending.
func (d *Desk) Cancel(ctx context.Context, by Recorder, at Place) (Planned, error) {
	e, err := d.alter(ctx, by, change{
		Place: at, verb: "cancel",
		open:   func(p *matter.Plan) bool { return p.State == matter.Pending || p.State == matter.Refused },
		decide: func(i *matter.Matter) bool { return i.Cancel(at.Plan) },
	})
	if err != nil {
		return Planned{}, err
	}
	return planned(e.Matter, e.Matter.Plan(at.Plan)), nil
}

// Fire has a pending plan fired now, before its moment; asked for again, its
// timer is set again. It fails with [fault.Conflict] when the plan is not
// pending.
func (d *Desk) Fire(ctx context.Context, by Recorder, at Place) (Planned, error) {
	now := d.deps.Now()
	e, err := d.alter(ctx, by, change{
		Place: at, verb: "fire",
		open:   func(p *matter.Plan) bool { return p.State == matter.Pending },
		decide: func(i *matter.Matter) bool { return i.Force(at.Plan, now) },
	})
	if err != nil {
		return Planned{}, err
	}
	p := e.Matter.Plan(at.Plan)
	return planned(e.Matter, p), d.timer.Arm(ctx, timer.At(e.Matter.Part, p.Wakes()), e.Key)
}

// change is what is done to a plan.
type change struct {
	Place
	verb string
	// open reports whether it can be done to a plan as it stands.
	open   func(*matter.Plan) bool
	decide book.Decide
}

// alter changes a plan and returns its invoice as it then stands. The deed is
// kept once it is clear that it can be done.
func (d *Desk) alter(ctx context.Context, by Recorder, c change) (book.Entry, error) {
	e, err := d.find(ctx, c.Place)
	if err != nil {
		return e, err
	}
	shut := fault.New(fault.Conflict, c.verb+" plan", c.Plan, errNotPending)
	if !c.open(e.Matter.Plan(c.Plan)) {
		return e, shut
	}
	deed := store.Deed{Owner: c.Owner, Verb: c.verb, Resource: access.Schedules, ID: c.Plan}
	if err := by.Record(ctx, deed); err != nil {
		return e, err
	}
	e, changed, err := d.invoices.Alter(ctx, e, c.decide)
	switch p := e.Matter.Plan(c.Plan); {
	case err != nil:
		return e, err
	case p == nil:
		return e, fault.New(fault.NotFound, c.verb+" plan", c.Plan, nil)
	case !changed && !c.open(p):
		return e, shut
	}
	return e, nil
}
