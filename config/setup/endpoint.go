package setup

import (
	"maps"
	"slices"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/streams/topology"
)

// PutEndpoint creates or replaces an endpoint. A new one is given a signing
// secret, which the change holds to be shown once.
func (s *Setup) PutEndpoint(owner string, d endpoint.Document, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	// The values of secret headers leave what was given.
	d.Headers = slices.Clone(d.Headers)
	k := keeping{owner: owner, given: &d, sealer: env.Sealer}
	k.Join("", d.Check())
	s.checkHeaderUsers(&k.Report, &d.Spec)
	w := write{bucket: topology.Endpoints, owner: owner, id: d.ID}
	k.next = endpoint.Endpoint{Revision: 1}
	former, exists := s.Endpoints[d.ID]
	if exists {
		w.before, k.former = former.Spec, former
		k.next = *former
		k.next.Revision++
	}
	k.next.Spec = d.Spec
	if err := k.keep(env.Moment.At); err != nil {
		return Change{}, err
	}
	if err := k.Problems().Or(); err != nil {
		return Change{}, err
	}
	w.after, w.secrets = k.next.Spec, k.changed
	if err := provide(&k.next, &w, env); err != nil {
		return Change{}, err
	}
	w.stored = k.next
	return s.change(w)
}

// checkHeaderUsers refuses headers of which a subscription has a parameter: one
// of the two values would not be sent.
func (s *Setup) checkHeaderUsers(r *field.Report, spec *endpoint.Spec) {
	for _, id := range slices.Sorted(maps.Keys(s.Subscriptions)) {
		sub := s.Subscriptions[id]
		if sub.Deleted || sub.Webhook == nil || sub.Webhook.Endpoint != spec.ID {
			continue
		}
		for _, p := range sub.Webhook.Parameters {
			if p.In != subscription.InHeader {
				continue
			}
			if pointer := spec.Sets(p.Name); pointer != "" {
				r.Add(pointer, "header.parameter", "subscription "+id+" has a parameter in this header")
			}
		}
	}
}

// DeleteEndpoint deletes an endpoint that nothing uses; users are those that
// the Setup does not hold.
func (s *Setup) DeleteEndpoint(owner, id string, users []string) (Change, error) {
	const op = "delete endpoint"
	former, ok := s.Endpoints[id]
	if !ok {
		return Change{}, notFound(op, id)
	}
	for _, sub := range s.Subscriptions {
		if !sub.Deleted && sub.Webhook != nil && sub.Webhook.Endpoint == id {
			users = append(users, "subscription "+sub.ID)
		}
	}
	if len(users) > 0 {
		return Change{}, inUse(op, id, slices.Clip(users))
	}
	return s.change(write{bucket: topology.Endpoints, owner: owner, id: id, before: former.Spec})
}

// SwitchEndpoint disables or enables an endpoint as its owner's wish.
func (s *Setup) SwitchEndpoint(owner, id string, disabled bool) (Change, error) {
	former, ok := s.Endpoints[id]
	if !ok {
		return Change{}, notFound("find endpoint", id)
	}
	next := *former
	next.Disabled = disabled
	if next.Disabled != former.Disabled {
		next.Revision++
	}
	return s.change(write{
		bucket: topology.Endpoints, owner: owner, id: id, stored: next, before: former.Spec, after: next.Spec,
	})
}
