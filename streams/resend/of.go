package resend

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/streams/outcomes"
)

// Wanted are deliveries of one subscription that are wanted whatever became of
// them.
type Wanted struct {
	Owner, Subscription string
	Channel             delivery.Channel
	Deliveries          []delivery.Reference
	// Since is when the first of their events was accepted.
	Since time.Time
}

// Of returns the selection of what is wanted, in its order; attempts go on behind
// what is on record. What nobody attempted yet has the number 0.
func Of(ctx context.Context, js jetstream.JetStream, w Wanted) (Selection, error) {
	q := outcomes.Query{Owner: w.Owner, Subscription: w.Subscription, Channel: w.Channel, Since: w.Since, Among: map[string]bool{}}
	for i := range w.Deliveries {
		q.Among[w.Deliveries[i].ID] = true
	}
	past, err := Matching(ctx, js, q)
	if err != nil {
		return Selection{}, err
	}
	known := make(map[string]*Item, len(past.Items))
	for i := range past.Items {
		known[past.Items[i].Delivery.ID] = &past.Items[i]
	}
	out := Selection{At: past.At, underWay: map[string]target{}}
	for _, ref := range w.Deliveries {
		i := Item{Entry: outcomes.Entry{Outcome: delivery.Outcome{Channel: w.Channel}}}
		if former, ok := known[ref.ID]; ok {
			i = *former
		} else if to, ok := past.underWay[ref.ID]; ok {
			out.UnderWay++
			out.underWay[ref.ID] = to
			continue
		}
		i.Delivery = ref // its version may be another one by now
		out.Items = append(out.Items, i)
	}
	return out, nil
}
