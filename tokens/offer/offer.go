// Package offer says which values of an event go out where nobody has chosen any:
// all that a channel may use, by their tokens' names. Webhooks without parameters
// and event queues have the same. It refuses to choose.
package offer

import (
	"slices"
	"strings"
	"sync"

	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/event"
	"github.com/billhook/billhook/shared/payload"
	"github.com/billhook/billhook/tokens"
)

// Offer is what a channel may use. It may be used by many goroutines.
type Offer struct {
	catalogue *tokens.Catalogue
	channel   delivery.Channel
	open      sync.Map // event type to the set of names
}

// New returns the offer to a channel.
func New(c *tokens.Catalogue, ch delivery.Channel) *Offer { return &Offer{catalogue: c, channel: ch} }

// Members returns the values of an event, in the order of their names.
func (o *Offer) Members(ev *event.Event) []payload.Member {
	open := o.names(ev.Type)
	members := make([]payload.Member, 0, len(ev.Data))
	for name, value := range ev.Data {
		if open[name] {
			members = append(members, payload.Member{Name: name, Value: value})
		}
	}
	slices.SortFunc(members, func(a, b payload.Member) int { return strings.Compare(a.Name, b.Name) })
	return members
}

func (o *Offer) names(eventType string) map[string]bool {
	if known, ok := o.open.Load(eventType); ok {
		return known.(map[string]bool)
	}
	set := map[string]bool{}
	for _, t := range o.catalogue.Available(eventType, o.channel) {
		set[t.Name] = true
	}
	o.open.Store(eventType, set)
	return set
}
