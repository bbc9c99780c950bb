package matter

import "time"

// Judge says what firing depends on.
type Judge struct {
	Now time.Time
	// Moment is the one whose turn it is: what is due later has a turn of its
	// own, so that the oldest goes first.
	Moment time.Time
	// Grace is how long after its moment, or after the delivery where that was
	// later, an event is not yet late.
	Grace time.Duration
	// Wanted reports whether a subscription still has the schedule of a plan.
	Wanted func(*Plan) bool
	// Hold reports whether a derived event has to wait: for what was accepted
	// about the matter and not yet taken in, be it usage or a payment, or until
	// whoever plans and whoever fires agree on what is wanted.
	Hold func(*Plan) bool
}

// Fire marks what is due and returns the ids of what now fires. What is due and
// unwanted is cancelled.
func (i *Matter) Fire(j Judge) (fires []string, changed bool) {
	for n := range i.Plans {
		p := &i.Plans[n]
		if p.State != Pending || j.Now.Before(p.Wakes()) || j.Moment.Before(p.Wakes()) {
			continue
		}
		if p.Wakes().Before(p.Moment()) && (j.Now.Before(p.Moment()) || j.Moment.Before(p.Moment())) {
			p.Wake, changed = time.Time{}, true // it has a later timer now
			continue
		}
		if p.Kind != AfterDelivery && j.Hold(p) {
			continue
		}
		changed = true
		if p.Kind == AfterDelivery && !j.Wanted(p) {
			p.cancel(Unwanted)
			continue
		}
		i.mark(p, j)
		fires = append(fires, p.ID)
	}
	return fires, changed
}

func (i *Matter) mark(p *Plan, j Judge) {
	since := latest(p.DueAt, i.DeliveredAt)
	p.State, p.FiredAt, p.Late, p.Wake = Firing, j.Now.UTC(), j.Now.Sub(since) > j.Grace, time.Time{}
	if p.Kind == Dormant {
		i.Usage.silent(p.FiredAt)
	}
}

// Again returns the moment at which a service whose timer went off is to be
// looked at again; zero when it is not.
func (i *Matter) Again() (at time.Time) {
	for n := range i.Plans {
		if p := &i.Plans[n]; p.Kind == Dormant && p.State == Pending {
			at = p.Wakes()
		}
	}
	return at
}

// Done says that everything that fires is published.
func (i *Matter) Done(ids ...string) (changed bool) {
	for _, id := range ids {
		if p := i.Plan(id); p != nil && p.State == Firing {
			p.State, changed = Fired, true
		}
	}
	return changed
}

// Plan returns the plan of an id, nil when there is none.
func (i *Matter) Plan(id string) *Plan {
	for n := range i.Plans {
		if i.Plans[n].ID == id {
			return &i.Plans[n]
		}
	}
	return nil
}

// Cancel cancels a plan for an operator. It does nothing to one that fires.
func (i *Matter) Cancel(id string) (changed bool) {
	p := i.Plan(id)
	return p != nil && p.cancel(ByOperator)
}

// Force has a pending plan fire now, for an operator. One that is forced
// already keeps its moment.
func (i *Matter) Force(id string, now time.Time) (changed bool) {
	p := i.Plan(id)
	if p == nil || p.State != Pending || !p.Forced.IsZero() {
		return false
	}
	p.Forced = now.UTC()
	return true
}
