package setup

import (
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/queue"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/filter"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/tokens"
)

// CheckSubscription returns what is wrong with the events, the filter and the
// templates of a subscription. What it names of other resources is not judged.
func CheckSubscription(c *tokens.Catalogue, spec *subscription.Spec) fault.Problems {
	var r field.Report
	known := checkWanted(&r, c, wanted{spec.Events, spec.Filter})
	if known && spec.Webhook != nil {
		r.Join("/webhook", checkWebhook(c, spec.Webhook, spec.Events))
	}
	return r.Problems()
}

// CheckQueue returns what is wrong with the events and the filter of a queue.
func CheckQueue(c *tokens.Catalogue, spec *queue.Spec) fault.Problems {
	var r field.Report
	checkWanted(&r, c, wanted{spec.Events, spec.Filter})
	return r.Problems()
}

// wanted is which events somebody wants.
type wanted struct {
	events []string
	filter filter.Spec
}

// checkWanted judges which events are wanted, and reports whether the catalogue
// knows them all: tokens are judged by events that exist.
func checkWanted(r *field.Report, c *tokens.Catalogue, w wanted) (known bool) {
	known = true
	for i, name := range w.events {
		e, ok := c.Event(name)
		switch {
		case !ok:
			r.Add(field.At("/events", i), "event.unknown", "the catalogue has no event type "+quoted(name))
		case !e.Subscribable():
			r.Add(field.At("/events", i), "event.signal", name+" is input only and cannot be subscribed")
		default:
			continue
		}
		known = false
	}
	if known {
		r.Join("/filter", w.filter.Check(filterable(c, w.events)))
	}
	return known
}

func checkWebhook(c *tokens.Catalogue, w *subscription.Webhook, events []string) fault.Problems {
	var r field.Report
	use := tokens.Use{Events: events, Channel: delivery.Webhook, Output: tokens.URLPath}
	if w.Path != "" {
		r.Join("/path", guard.CheckPath(w.Path))
		r.Join("/path", c.Check(w.Path, use))
	}
	for i, p := range w.Parameters {
		use.Output = p.In.Output()
		if p.Token != "" {
			r.Join(field.At("/parameters", i, "token"), checkToken(c, p.Token, use))
		}
		if p.Template != "" {
			r.Join(field.At("/parameters", i, "template"), c.Check(p.Template, use))
		}
	}
	return r.Problems()
}

// checkToken judges the bare name of a token.
func checkToken(c *tokens.Catalogue, name string, use tokens.Use) fault.Problems {
	if strings.ContainsAny(name, "[]{}") {
		return fault.Problems{{Rule: "token.unknown", Detail: "the catalogue has no token " + quoted(name)}}
	}
	problems := c.Check("{{["+name+"]}}", use)
	for i := range problems {
		problems[i].Line, problems[i].Column = 0, 0
	}
	return problems
}

// filterable tells which tokens may be filtered on: those that every one of
// the events carries.
func filterable(c *tokens.Catalogue, events []string) filter.Legal {
	return func(name string) (bool, string) {
		t, ok := c.Token(name)
		if !ok {
			return false, "the catalogue has no such token"
		}
		if !t.Carried() {
			return false, "its value is not part of the event"
		}
		for _, e := range events {
			if et, ok := c.Event(e); !ok || !et.Offers(t) {
				return false, e + " does not have it"
			}
		}
		return true, ""
	}
}

// quoted shortens a foreign text for a message.
func quoted(s string) string {
	const limit = 80
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return `"` + s + `"`
}
