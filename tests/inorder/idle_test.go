package inorder_test

import (
	"fmt"
	"testing"
)

// Most ordered subscriptions have nothing to do most of the time: they cost no
// place of WEBHOOK_SERIES_LIVE, and wait for theirs when all are woken at once.
func TestFarMoreOrderedSubscriptionsThanPlacesAreDelivered(t *testing.T) {
	const owners, each = 30, 10
	w := open(t, 1)
	s := &suite{world: w, whole: t}
	var subs []wanted
	for o := range owners {
		for i := range each {
			order := []string{"ordered", "ordered_by_account"}[i%2]
			subs = append(subs, wanted{owner: fmt.Sprint("owner-", o), id: fmt.Sprintf("sub-%d-%d", o, i), order: order})
		}
	}
	w.want(subs...)
	happen := func(owners, times int) {
		for i := range times {
			for o := range owners {
				w.publish(fmt.Sprint("owner-", o), fmt.Sprint("A-", i%3))
			}
		}
	}
	sender := w.sender(0, "WEBHOOK_SERIES_LIVE=16")
	happen(3, 2)
	s.judge(subs...)
	happen(owners, 4)
	s.judge(subs...)

	sender.Stop()
	happen(5, 3) // which nobody sees
	w.sender(0, "WEBHOOK_SERIES_LIVE=16")
	s.judge(subs...)
	happen(owners, 1)
	s.judge(subs...)
}
