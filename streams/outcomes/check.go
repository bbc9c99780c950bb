package outcomes

import (
	"slices"
	"time"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
)

// Results are those that a delivery may be asked for by.
func Results() []delivery.Result {
	return []delivery.Result{delivery.Delivered, delivery.Retrying, delivery.Parked, delivery.Skipped}
}

// Check returns what is wrong with a query that somebody wrote. It wants
// identifiers where they become subjects, and words that exist: a mistake would
// look like an empty log.
func (q *Query) Check(now time.Time) fault.Problems {
	var out fault.Problems
	refuse := func(wrong bool, pointer, rule, detail string) {
		if wrong {
			out = append(out, fault.Problem{Pointer: pointer, Rule: rule, Detail: detail})
		}
	}
	refuse(!id.Valid(q.Owner), "/owner", "id.form", "an identifier is "+id.Rule)
	refuse(q.Subscription != "" && !id.Valid(q.Subscription), "/subscription", "id.form", "an identifier is "+id.Rule)
	refuse(q.Channel != "" && !slices.Contains(delivery.Channels(), q.Channel),
		"/channel", "channel.unknown", fault.OneOf(delivery.Channels()...))
	refuse(q.Result != "" && !slices.Contains(Results(), q.Result),
		"/result", "result.unknown", fault.OneOf(Results()...))
	refuse(q.Since.After(now), "/since", "moment.future", "lies in the future")
	refuse(!q.Since.After(now) && !q.Until.IsZero() && q.Since.After(q.Until), "/until", "moment.order", "lies before since")
	return out
}
