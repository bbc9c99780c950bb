package setup

import (
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// Asked changes what is asked of a subscription that has this order.
type Asked func(c *control.Control, order subscription.Order) error

// Control changes what operators ask of an in-order subscription, also of one
// that was in order and still has events of that time. Applied is the number
// up to which its holder is known to have done so.
func (s *Setup) Control(at control.Place, applied uint64, ask Asked) (Change, error) {
	sub, ok := s.Subscriptions[at.Subscription]
	if !ok {
		return Change{}, notFound("find subscription", at.Subscription)
	}
	order := sub.LastOrder()
	switch {
	case order.InOrder():
	case sub.Deleted:
		return Change{}, notFound("find subscription", at.Subscription)
	default:
		return Change{}, fault.Problems{{
			Pointer: "/order", Rule: "control.unordered",
			Detail: "subscription " + sub.ID + " is unordered: only those in order are paused, resumed, skipped and replayed",
		}}
	}
	w := write{bucket: topology.Controls, owner: at.Owner, id: at.Subscription}
	next := &control.Control{}
	if former, ok := s.Controls[at.Subscription]; ok {
		next = former.Clone()
		next.Forget(applied)
		w.before = *next.Clone()
	}
	if err := ask(next, order); err != nil {
		return Change{}, err
	}
	w.stored, w.after = next, *next
	return s.change(w)
}
