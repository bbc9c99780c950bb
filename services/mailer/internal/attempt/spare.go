package attempt

import (
	"context"

	"github.com/billhook/billhook/services/mailer/internal/verdict"
	"github.com/billhook/billhook/shared/delivery"
)

// spare takes out of the bag who has unsubscribed since the letters were made,
// and returns the records of that. It is asked before every attempt, because
// days may lie between two.
func (m *Maker) spare(ctx context.Context, t *Task) ([]delivery.Recipient, error) {
	return t.Bag.Spare(func(address string) (bool, error) { return m.Suppressions.Has(ctx, t.Delivery.Owner, address) })
}

// unwanted ends a delivery that nobody waits for any more.
func unwanted(t *Task, o *delivery.Outcome) Made {
	switch {
	case len(t.Bag.Lost()) > 0:
		o.Result, o.Reason = delivery.Parked, verdict.Refused
	case t.Bag.Arrived:
		o.Result = delivery.Delivered
	default:
		o.Result, o.Reason = delivery.Skipped, Suppressed
	}
	o.Detail = brief(detail(t, o, nil))
	return Made{Outcome: o, Hopeless: o.Result == delivery.Parked}
}

// unlinked has a delivery wait until the operator says where its links lead: as
// long as for settings at fault.
func (m *Maker) unlinked(t *Task, o *delivery.Outcome, err error) Made {
	t.Logger(m.Log).Error().Err(err).Msg("email not sent")
	over := !t.First.IsZero() && o.At.Sub(t.First) >= m.Policy.Patience
	return m.hinder(t, o, hindrance{reason: NoLink, cause: err, pace: m.Policy.Pace, over: over})
}
