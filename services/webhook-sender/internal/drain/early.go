package drain

import (
	"context"
	"slices"

	"github.com/billhook/billhook/config/breaker"
	"github.com/billhook/billhook/streams/backlog"
)

// early delivers what this instance remembers of the backlog, wherever the
// floor is: requests to other endpoints may hold that up. Each is on record
// then, and is left out when the floor has reached it. It moves nothing on. It
// returns false when it stopped before its end.
func (d *drain) early(ctx context.Context, s breaker.State) (bool, error) {
	list := d.Gate.Remembered(d.key)
	list = slices.DeleteFunc(list, func(w backlog.Waiting) bool { return w.Seq < s.From })
	if len(list) == 0 || !d.sends() {
		return true, nil
	}
	// Another instance may have had the lease meanwhile.
	known, err := d.Backlog.Since(ctx, d.stretch(s), list[0].Stored)
	if err != nil {
		return false, err
	}
	list = slices.DeleteFunc(list, func(w backlog.Waiting) bool { return known[w.Delivery.ID] })
	p := &pass{drain: d, page: backlog.Page{Waiting: list}, done: make([]bool, len(list)), ends: make(chan result, len(list))}
	p.work(ctx)
	p.room(ctx, 1)
	for i, done := range p.done {
		if !done {
			d.Gate.Remember(d.key, list[i])
			continue
		}
		d.ahead = append(d.ahead, list[i].Seq)
	}
	return !p.stopped, nil
}

// stretch is the backlog of a state, without its end.
func (d *drain) stretch(s breaker.State) backlog.Range {
	return backlog.Range{Part: d.part, Owner: d.key.Owner, Subscriptions: s.Subscriptions, From: s.From}
}
