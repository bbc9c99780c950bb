package target

import (
	"errors"
	"net/url"
	"time"

	"github.com/billhook/billhook/config/directory"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/services/webhook-sender/internal/program"
	"github.com/billhook/billhook/services/webhook-sender/internal/signature"
	"github.com/billhook/billhook/shared/delivery"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// errNoSecret is returned for an endpoint without any signing secret.
var errNoSecret = errors.New("endpoint has no signing secret")

// opened is an endpoint made ready. Snapshots never change what they point
// to, so the pointer tells whether it is still the same endpoint.
type opened struct {
	from *endpoint.Endpoint
	base *url.URL
	keys []key
	// proof is how the endpoint's requests prove who sends them.
	proof *post.Proof
	err   error
}

func (b *Book) open(owner string, ep *endpoint.Endpoint) (*opened, error) {
	at := id{owner, ep.ID}
	b.mu.RLock()
	o, ok := b.endpoints[at]
	b.mu.RUnlock()
	if !ok || o.from != ep {
		if o = b.prepare(owner, ep); errors.Is(o.err, secret.ErrUnknownKey) {
			return o, o.err // not kept: the key may come without a change of the endpoint
		}
		b.mu.Lock()
		b.tidy()
		b.endpoints[at] = o
		b.mu.Unlock()
	}
	return o, o.err
}

func (b *Book) prepare(owner string, ep *endpoint.Endpoint) *opened {
	const op = "open endpoint"
	o := &opened{from: ep}
	if o.base, o.err = url.Parse(ep.URL); o.err != nil {
		o.err = fault.New(fault.Internal, op, ep.ID, o.err)
		return o
	}
	for _, s := range ep.Secrets {
		text, err := b.settings.Sealer.Open(endpoint.Place(owner, ep.ID, s.ID), s.Sealed)
		if err != nil {
			o.err = fault.New(fault.Internal, op, ep.ID, err)
			return o
		}
		k, err := signature.ParseKey(text.Reveal())
		if err != nil {
			o.err = fault.New(fault.Internal, op, ep.ID, err)
			return o
		}
		o.keys = append(o.keys, key{until: s.Until, key: k})
	}
	if len(o.keys) == 0 {
		o.err = fault.New(fault.Internal, op, ep.ID, errNoSecret)
		return o
	}
	if o.proof, o.err = b.proof(owner, ep); o.err != nil {
		o.err = fault.New(fault.Internal, op, ep.ID, o.err)
	}
	return o
}

// leastKept is up to how many entries nothing is looked for.
const leastKept = 1024

// tidy forgets what was changed or deleted, secrets with it, whenever there is
// twice as much as was left last time. The lock is held.
func (b *Book) tidy() {
	if len(b.endpoints)+len(b.programs) < b.most {
		return
	}
	for at, o := range b.endpoints {
		if b.settings.Directory.Owner(at.owner).Endpoints[at.id] != o.from {
			delete(b.endpoints, at)
		}
	}
	for at, c := range b.programs {
		if b.settings.Directory.Owner(at.owner).Subscriptions[at.id] != c.from {
			delete(b.programs, at)
		}
	}
	b.most = max(leastKept, 2*(len(b.endpoints)+len(b.programs)))
}

// compiled holds the programs of a subscription's versions, by revision.
type compiled struct {
	from     *subscription.Subscription
	programs map[int]result
}

type result struct {
	program *program.Program
	err     error
}

// program returns the compiled version. A failure is kept too: every failed
// parse of a template costs the process something for good.
func (b *Book) program(snap *directory.Snapshot, v *subscription.Version, ref *delivery.Reference) (*program.Program, *Refusal) {
	sub := snap.Subscriptions[ref.Subscription]
	at := id{ref.Owner, ref.Subscription}
	b.mu.RLock()
	c, ok := b.programs[at]
	ok = ok && c.from == sub
	var r result
	if ok {
		r, ok = c.programs[v.Revision]
	}
	b.mu.RUnlock()
	if !ok {
		r = b.compile(at, sub, v)
	}
	if r.err != nil {
		return nil, &Refusal{Reason: Broken, Result: delivery.Parked, Endpoint: v.Spec.Webhook.Endpoint, Err: r.err}
	}
	return r.program, nil
}

func (b *Book) compile(at id, sub *subscription.Subscription, v *subscription.Version) result {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, ok := b.programs[at]
	if !ok || c.from != sub {
		b.tidy()
		c = &compiled{from: sub, programs: map[int]result{}}
		b.programs[at] = c
	}
	if r, ok := c.programs[v.Revision]; ok {
		return r
	}
	var r result
	r.program, r.err = program.Compile(b.settings.Catalogue, v.Spec)
	c.programs[v.Revision] = r
	return r
}

// Zone returns the time zone of a name, loaded once, or other where the name is
// empty or unknown.
func (b *Book) Zone(name string, other *time.Location) *time.Location {
	if name == "" {
		return other
	}
	b.mu.RLock()
	z, ok := b.zones[name]
	b.mu.RUnlock()
	if ok {
		return z
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.zones[name] = z
	return z
}
