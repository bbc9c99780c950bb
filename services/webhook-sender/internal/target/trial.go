package target

import (
	"errors"
	"fmt"
	"slices"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/webhook-sender/internal/program"
	"github.com/billhook/billhook/shared/delivery"
)

// Unwanted says that a subscription would not send an event of that type.
const Unwanted = "event_type_unwanted"

var (
	errNoEndpoint     = errors.New("the owner has no such endpoint")
	errNoSubscription = errors.New("the owner has no such active webhook subscription")
	errDisabled       = errors.New("enable the endpoint first")
)

// Trial is an event that nobody matched: one that an endpoint is tried with.
type Trial struct {
	Owner, Endpoint, EventType string
	// Subscription says what is sent; empty means all that webhooks may use.
	Subscription string
}

// Trial returns the target of a trial, or why there is none.
func (b *Book) Trial(t Trial) (*Target, *Refusal) {
	snap := b.settings.Directory.Owner(t.Owner)
	ep, ok := snap.Endpoints[t.Endpoint]
	if !ok {
		return nil, &Refusal{Reason: EndpointUnknown, Result: delivery.Skipped, Endpoint: t.Endpoint, Err: errNoEndpoint}
	}
	prog, refusal := b.rehearsed(snap, t)
	if refusal != nil {
		return nil, refusal
	}
	out, refusal := b.aim(snap, &delivery.Reference{Owner: t.Owner}, ep, prog)
	if refusal == nil && out.disabled || refusal != nil && refusal.Reason == EndpointDisabled {
		return nil, &Refusal{Reason: EndpointDisabled, Result: delivery.Skipped, Endpoint: t.Endpoint, Err: errDisabled}
	}
	return out, refusal
}

// rehearsed is the newest program of the trial's subscription.
func (b *Book) rehearsed(snap *directory.Snapshot, t Trial) (*program.Program, *Refusal) {
	if t.Subscription == "" {
		p, err := program.Compile(b.settings.Catalogue, &subscription.Spec{
			Events: []string{t.EventType}, Channel: delivery.Webhook, Webhook: &subscription.Webhook{Endpoint: t.Endpoint},
		})
		if err != nil {
			return nil, &Refusal{Reason: Broken, Result: delivery.Skipped, Endpoint: t.Endpoint, Err: err}
		}
		return p, nil
	}
	sub, ok := snap.Subscriptions[t.Subscription]
	if !ok || !sub.Live() || sub.Webhook == nil {
		return nil, &Refusal{Reason: Unknown, Result: delivery.Skipped, Err: errNoSubscription}
	}
	if !slices.Contains(sub.Events, t.EventType) {
		return nil, &Refusal{Reason: Unwanted, Result: delivery.Skipped, Err: fmt.Errorf("the subscription wants %v", sub.Events)}
	}
	return b.program(snap, &sub.Versions[len(sub.Versions)-1], &delivery.Reference{Owner: t.Owner, Subscription: t.Subscription})
}
