package resend

import (
	"cmp"
	"slices"

	"github.com/billhook/billhook/shared/delivery"
)

// Count says how many deliveries of a selection are alike.
type Count struct {
	Count        int    `json:"count"`
	Subscription string `json:"subscription"`
	// Target is the endpoint or the SMTP settings; empty where none was known.
	Target string `json:"target,omitempty"`
	// Result and Reason are what became of them last; empty where nobody tried.
	Result delivery.Result `json:"result,omitempty"`
	Reason string          `json:"reason,omitempty"`
}

// Counts returns what a selection has, in the order of subscriptions.
func (s *Selection) Counts() []Count {
	counts := map[Count]int{}
	for i := range s.Items {
		e := &s.Items[i]
		counts[Count{Subscription: e.Delivery.Subscription, Target: e.Target, Result: e.Result, Reason: e.Reason}]++
	}
	out := make([]Count, 0, len(counts))
	for c, n := range counts {
		c.Count = n
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Subscription, b.Subscription), cmp.Compare(a.Target, b.Target),
			cmp.Compare(a.Result, b.Result), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
