package series

import (
	"context"
	"errors"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/eventlog"
	"github.com/billhook/billhook/streams/settle"
)

// The reasons of outcomes that a series itself gives.
const (
	// Expired: retention removed the event before it was sent.
	Expired = "event_expired"
	// SkippedByOperator: a control said so.
	SkippedByOperator = "skipped_by_operator"
)

// repair is after what time a deliverer that failed is asked again.
const repair = time.Second

// fate is what becomes of a delivery after an attempt.
type fate uint8

const (
	again  fate = iota // nothing was recorded: it is tried again, after until
	done               // it is finished
	passed             // it is finished without a record: it does not match
	waits              // its lane waits until a moment
	halts              // the series stops with it
)

// result is what became of an item.
type result struct {
	item    *item
	fate    fate
	until   time.Time
	outcome *delivery.Outcome
	work    *settle.Work
	// control is the number of the skip that this result comes from.
	control uint64
	// known is the number of the newest control when the attempt began.
	known uint64
	err   error
}

// try makes an attempt and stores what has to be stored before its outcome.
func (s *session) try(ctx context.Context, it *item, head Head) *result {
	r := &result{item: it}
	if r.work, r.err = s.work(ctx, it); r.err != nil {
		if errors.Is(r.err, eventlog.ErrExpired) {
			s.expire(r)
		}
		return r
	}
	if r.work == nil {
		r.fate = passed
		return r
	}
	answer, err := s.deps.Deliverer.Attempt(ctx, &Task{Work: r.work, Event: it.event, Stored: it.stored, Head: head})
	switch {
	case ctx.Err() != nil && (err != nil || answer.Outcome == nil):
		r.err = context.Cause(ctx)
		return r
	case err != nil:
		s.log.Warn().Err(err).Str("delivery", r.work.Delivery.ID).Msg("attempt not made; trying again")
		r.until = s.deps.Now().Add(repair)
		return r
	case answer.Outcome == nil:
		r.until = answer.NotBefore
		return r
	}
	s.fault(FaultAttempted)
	r.outcome = answer.Outcome
	if answer.Hopeless && head == Block {
		head = Park
	}
	s.judge(r, head)
	r.err = s.keep(ctx, r)
	return r
}

// work returns the delivery of an item, nil when its event does not match.
func (s *session) work(ctx context.Context, it *item) (*settle.Work, error) {
	if it.work != nil {
		return it.work, nil
	}
	if it.kept != "" {
		w, err := s.ground.heads.load(ctx, it.kept)
		if w != nil {
			w.Part = s.plan.Part
		}
		if err != nil || w != nil {
			return w, err
		}
	}
	if it.event == nil {
		e, stored, err := s.ground.events.get(ctx, it.seq)
		if err != nil {
			return nil, err
		}
		it.event, it.stored = e, stored
	}
	revision, ok := s.plan.Match(it.event, it.seq)
	if !ok {
		return nil, nil
	}
	e := it.event
	return &settle.Work{Part: s.plan.Part, Attempts: it.attempts, Delivery: delivery.Reference{
		ID:    delivery.ID(s.cfg.Owner, s.cfg.Subscription, e.ID, it.seq),
		Owner: s.cfg.Owner, Subscription: s.cfg.Subscription, Revision: revision,
		EventSeq: it.seq, EventID: e.ID, EventType: e.Type, Account: e.Account,
	}}, nil
}

// expire ends a delivery whose event has left the log, and of which nothing is
// kept. The gap is on record: see read.
func (s *session) expire(r *result) {
	r.err, r.fate = nil, done
	r.work = &settle.Work{Part: s.plan.Part, Attempts: r.item.attempts, Delivery: delivery.Reference{
		ID: r.item.kept, Owner: s.cfg.Owner, Subscription: s.cfg.Subscription, EventSeq: r.item.seq, Account: r.item.lane.name,
	}}
	r.outcome = s.without(r.work, delivery.Skipped, Expired)
}

// without returns the outcome of a delivery that ends without an attempt.
func (s *session) without(w *settle.Work, result delivery.Result, reason string) *delivery.Outcome {
	return &delivery.Outcome{
		Attempt: w.Attempts, Delivery: w.Delivery, Channel: s.cfg.Channel, Result: result, At: s.deps.Now(), Reason: reason,
	}
}

// judge makes of an outcome what the policy makes of it.
func (s *session) judge(r *result, head Head) {
	o := r.outcome
	r.fate = done
	switch {
	case o.Result.Final() && o.Result != delivery.Parked:
	case o.Result == delivery.Parked && head == Park:
	case o.Result == delivery.Parked && head == Pause:
		o.Result, r.fate = delivery.Retrying, halts
	default:
		if o.NextAt.IsZero() {
			o.NextAt = o.At.Add(o.Duration + s.cfg.Limits.Block)
		}
		o.Result, r.fate, r.until = delivery.Retrying, waits, o.NextAt
	}
}

// keep stores what a retry, or whoever looks into PARKED, will need.
func (s *session) keep(ctx context.Context, r *result) error {
	var err error
	switch {
	case r.fate == waits || r.fate == halts:
		err = s.ground.heads.keep(ctx, r.work)
	case r.outcome.Result == delivery.Parked:
		err = s.ground.park(ctx, r.work, r.outcome)
	default:
		return nil
	}
	if err == nil {
		s.fault(FaultKept)
	}
	return err
}

// forget drops what was kept of a finished delivery. What stays by a failure
// is found at the next take-over.
func (s *session) forget(ctx context.Context, deliveryID string) {
	if err := s.ground.heads.drop(ctx, deliveryID); err != nil && ctx.Err() == nil {
		s.log.Warn().Err(err).Str("delivery", deliveryID).Msg("kept delivery not removed; tried again later")
	}
}
