package setup

import (
	"slices"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/streams/topology"
)

// firstSecret is the id of the signing secret that an endpoint is made with.
const firstSecret = "1"

// PutEndpoint creates or replaces an endpoint. A new one is given a signing
// secret, which the change holds to be shown once.
func (s *Setup) PutEndpoint(owner string, spec endpoint.Spec, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	if err := spec.Check().Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Endpoints, owner: owner, id: spec.ID, after: spec}
	next := endpoint.Endpoint{Spec: spec, Revision: 1}
	if former, ok := s.Endpoints[spec.ID]; ok {
		w.before = former.Spec
		next.Secrets, next.Revision = former.Secrets, former.Revision+1
		w.stored = next
		return s.change(w)
	}
	issued, err := endpoint.NewSigningSecret(env.Rand)
	if err != nil {
		return Change{}, err
	}
	sealed, err := env.Sealer.Seal(endpoint.Place(owner, spec.ID, firstSecret), issued)
	if err != nil {
		return Change{}, err
	}
	next.Secrets = []endpoint.Secret{{ID: firstSecret, Sealed: sealed}}
	w.stored, w.issued, w.secrets = next, issued, []string{"/signing_secret"}
	return s.change(w)
}

// DeleteEndpoint deletes an endpoint that no subscription uses.
func (s *Setup) DeleteEndpoint(owner, id string) (Change, error) {
	const op = "delete endpoint"
	former, ok := s.Endpoints[id]
	if !ok {
		return Change{}, notFound(op, id)
	}
	var users []string
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
