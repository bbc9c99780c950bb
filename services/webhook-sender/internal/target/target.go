// Package target finds out where a delivery goes and with what: from the
// watched configuration it takes the version of the subscription that matched
// and its endpoint, with URL parsed, secrets opened and templates compiled,
// each once per change. It refuses to send.
package target

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/webhook-sender/internal/oauth"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/program"
	"github.com/billhook/billhook/services/webhook-sender/internal/signature"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/tokens"
)

// Target is where a delivery goes.
type Target struct {
	// Endpoint is the endpoint's id, Owner the tenant's name for people.
	Endpoint, Owner string
	// Zone is the owner's time zone, UTC where it has none.
	Zone *time.Location
	// Base is the endpoint's URL, to which a path is joined.
	Base *url.URL
	// InFlight is the greatest number of requests at a time, RateLimit that of
	// requests a second over all instances, 0 for no limit.
	InFlight  int
	RateLimit float64
	Schedule  backoff.Schedule
	// Program is nil for a retry of a version that is no longer kept: it has
	// its body already.
	Program *program.Program
	// Ordered is true where the version that matched is delivered in order.
	Ordered bool
	// Proof is how requests prove who sends them, beside their signature.
	Proof *post.Proof

	keys     []key
	disabled bool
}

type key struct {
	until time.Time // zero: no end
	key   *signature.Key
}

// Keys returns the signing keys in force at a moment, newest first.
func (t *Target) Keys(at time.Time) []*signature.Key {
	live := make([]*signature.Key, 0, len(t.keys))
	for _, k := range t.keys {
		if k.until.IsZero() || at.Before(k.until) {
			live = append(live, k.key)
		}
	}
	return live
}

// Settings is what a book of targets is made from.
type Settings struct {
	Directory *directory.Directory
	Catalogue *tokens.Catalogue
	Sealer    *secret.Sealer
	// Tokens gets the access tokens of endpoints that ask for them.
	Tokens *oauth.Client
}

// Book finds targets. It may be used by many goroutines.
type Book struct {
	settings Settings

	mu        sync.RWMutex
	endpoints map[id]*opened
	programs  map[id]*compiled
	zones     map[string]*time.Location
	// most is how many entries there may be before those of what was deleted
	// are looked for.
	most int
}

type id struct{ owner, id string }

// NewBook returns a book.
func NewBook(s Settings) *Book {
	return &Book{
		settings: s, endpoints: map[id]*opened{}, programs: map[id]*compiled{}, zones: map[string]*time.Location{},
		most: leastKept,
	}
}

// Find returns the target of a delivery, or why there is none. frozen is the
// endpoint's id of a retry that has its body already, empty for others.
func (b *Book) Find(ref *delivery.Reference, frozen string) (*Target, *Refusal) {
	t, refusal := b.FindAnyway(ref, frozen)
	if refusal == nil && t.disabled {
		return nil, &Refusal{Reason: EndpointDisabled, Result: delivery.Retrying, Endpoint: t.Endpoint}
	}
	return t, refusal
}

// FindAnyway is [Book.Find] also for an endpoint that its owner disabled.
func (b *Book) FindAnyway(ref *delivery.Reference, frozen string) (*Target, *Refusal) {
	snap := b.settings.Directory.Owner(ref.Owner)
	var prog *program.Program
	endpointID := frozen
	version, refusal := find(snap, ref)
	switch {
	case version != nil:
		endpointID = version.Spec.Webhook.Endpoint
		if frozen != "" {
			break // nothing is rendered any more
		}
		if prog, refusal = b.program(snap, version, ref); refusal != nil {
			return nil, refusal
		}
	case frozen == "" || refusal.Reason == Ended:
		return nil, refusal
	}
	ep, ok := snap.Endpoints[endpointID]
	if !ok {
		return nil, &Refusal{Reason: EndpointUnknown, Result: delivery.Parked, Endpoint: endpointID, Early: true}
	}
	t, refusal := b.aim(snap, ref, ep, prog)
	if refusal == nil && version != nil {
		t.Ordered = version.Spec.Order.InOrder()
	}
	return t, refusal
}

// find returns the version that matched.
func find(snap *directory.Snapshot, ref *delivery.Reference) (*subscription.Version, *Refusal) {
	sub, ok := snap.Subscriptions[ref.Subscription]
	if !ok || ref.Revision > sub.Revision {
		return nil, &Refusal{Reason: Unknown, Result: delivery.Parked, Early: true}
	}
	if sub.Ended(ref.EventSeq) {
		return nil, &Refusal{Reason: Ended, Result: delivery.Skipped}
	}
	version, ok := sub.Numbered(ref.Revision)
	if !ok || version.Spec.Webhook == nil {
		return nil, &Refusal{Reason: Unknown, Result: delivery.Parked}
	}
	return version, nil
}

func (b *Book) aim(snap *directory.Snapshot, ref *delivery.Reference, ep *endpoint.Endpoint, prog *program.Program) (*Target, *Refusal) {
	o, err := b.open(ref.Owner, ep)
	if err != nil && ep.Disabled {
		return nil, &Refusal{Reason: EndpointDisabled, Result: delivery.Retrying, Endpoint: ep.ID}
	}
	if err != nil {
		return nil, &Refusal{Reason: EndpointUnusable, Result: delivery.Retrying, Endpoint: ep.ID, Err: err}
	}
	t := &Target{
		Endpoint: ep.ID, Base: o.base, Zone: time.UTC, Program: prog, keys: o.keys, Proof: o.proof,
		InFlight: ep.InFlight, RateLimit: ep.RateLimit, Schedule: ep.Retry, disabled: ep.Disabled,
	}
	if t.InFlight <= 0 {
		t.InFlight = endpoint.DefaultInFlight
	}
	if len(t.Schedule) == 0 {
		t.Schedule = backoff.Default()
	}
	if snap.Owner != nil {
		t.Owner, t.Zone = snap.Owner.Name, b.Zone(snap.Owner.TimeZone, time.UTC)
	}
	return t, nil
}

// Await is [Book.Find] that gives the configuration time to arrive, as long as
// ctx lasts.
func (b *Book) Await(ctx context.Context, ref *delivery.Reference, frozen string) (*Target, *Refusal) {
	changes, end := b.settings.Directory.Changes()
	defer end()
	for {
		t, refusal := b.Find(ref, frozen)
		if refusal == nil || !refusal.Early {
			return t, refusal
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return t, refusal
		}
	}
}
