package setup

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/start"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// PutSubscription creates or replaces a subscription: the former version ends
// at the moment, and the new one begins there.
func (s *Setup) PutSubscription(owner string, spec subscription.Spec, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	var r field.Report
	r.Join("", spec.Check())
	r.Join("", CheckSubscription(env.Catalogue, &spec))
	s.checkReferences(&r, &spec, env.Catalogue)
	s.checkDays(&r, &spec)
	start.CheckPast(&r, "/start", spec.Start, env.Moment.At)
	if err := r.Problems().Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Subscriptions, owner: owner, id: spec.ID, after: spec}
	next := &subscription.Subscription{}
	if former, ok := s.Subscriptions[spec.ID]; ok {
		if !former.Deleted {
			w.before = former.Spec
		} else if spec.Start != start.Now {
			r.Add("/start", "start.again", "a deleted subscription had this id until lately and may have had the past already: start now, or choose another id")
			return Change{}, r.Problems().Or()
		}
		if w.before != nil && same(w.before, w.after) {
			return s.change(w)
		}
		var err error
		if next, err = clone(former); err != nil {
			return Change{}, err
		}
	}
	if err := next.Revise(spec, env.Moment); err != nil {
		return Change{}, fault.New(fault.Exhausted, "change subscription", spec.ID, err)
	}
	w.stored = next
	return s.change(w)
}

// clone copies a subscription so deeply that its history can be changed.
func clone(s *subscription.Subscription) (*subscription.Subscription, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fault.New(fault.Internal, "copy subscription", s.ID, err)
	}
	return parse[subscription.Subscription](b)
}

// checkReferences judges what the subscription names of other resources. An
// endpoint is sought under the same owner, so a foreign one does not exist.
func (s *Setup) checkReferences(r *field.Report, spec *subscription.Spec, c *tokens.Catalogue) {
	if w := spec.Webhook; w != nil {
		if target, ok := s.Endpoints[w.Endpoint]; ok {
			checkHeaderParameters(r, w, target)
		} else {
			unknown(r, "/webhook/endpoint", "endpoint", w.Endpoint)
		}
	}
	e := spec.Email
	if e == nil {
		return
	}
	s.checkContactTypes(r, "/email", e.ContactTypes())
	canned, ok := s.Emails[e.CannedEmail]
	if !ok {
		unknown(r, "/email/canned_email", "canned email", e.CannedEmail)
		return
	}
	if spec.Enabled() && !canned.Enabled() {
		r.Add("/email/canned_email", "email.inactive", "canned email "+canned.ID+" is inactive and cannot be subscribed")
	}
	if !addressed(&canned.Spec, e) {
		r.Add("/email/to", "recipient.required", "neither the subscription nor canned email "+canned.ID+" says whom to write to")
	}
	for _, p := range CheckEmail(c, &canned.Spec, spec.Events) {
		part := strings.TrimPrefix(p.Pointer, "/")
		p.Pointer, p.Detail = "/email/canned_email", part+" of canned email "+canned.ID+": "+p.Detail
		r.Join("", fault.Problems{p})
	}
}

// checkDays refuses a schedule beyond what the owner allows. What was saved before
// the owner allowed less stays.
func (s *Setup) checkDays(r *field.Report, spec *subscription.Spec) {
	if most := s.Owner.MaxDays(); spec.Schedule != nil && spec.Schedule.Days > most {
		r.Add("/schedule/days", "schedule.beyond", fmt.Sprintf("is %d, and owner %s allows at most %d days (its largest_x)",
			spec.Schedule.Days, s.Owner.ID, most))
	}
}

// checkHeaderParameters refuses parameters in headers that the endpoint sets.
func checkHeaderParameters(r *field.Report, w *subscription.Webhook, target *endpoint.Endpoint) {
	for i, p := range w.Parameters {
		if p.In == subscription.InHeader && target.Sets(p.Name) != "" {
			r.Add(field.At("/webhook/parameters", i, "name"), "parameter.header", "endpoint "+target.ID+" sets this header")
		}
	}
}

// DeleteSubscription ends a subscription at the moment. It stays in its
// bucket, marked, until nobody needs its history.
func (s *Setup) DeleteSubscription(owner, id string, env Env) (Change, error) {
	const op = "delete subscription"
	former, ok := s.Subscriptions[id]
	if !ok || former.Deleted {
		return Change{}, notFound(op, id)
	}
	next, err := clone(former)
	if err != nil {
		return Change{}, err
	}
	next.Delete(env.Moment)
	return s.change(write{bucket: topology.Subscriptions, owner: owner, id: id, stored: next, before: former.Spec})
}

// PruneSubscription removes a deleted subscription whose history nobody needs
// any more. It changes nothing otherwise.
func (s *Setup) PruneSubscription(owner, id string, env Env) (Change, error) {
	unchanged := Change{Action: Unchanged}
	former, ok := s.Subscriptions[id]
	if !ok || !former.Deleted {
		return unchanged, nil
	}
	next, err := clone(former)
	if err != nil || !next.Spent(env.Moment.At) {
		return unchanged, err
	}
	return s.change(write{bucket: topology.Subscriptions, owner: owner, id: id, before: former.Spec})
}
