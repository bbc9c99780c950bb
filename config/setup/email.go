package setup

import (
	"slices"
	"strings"

	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

// PutEmail creates or replaces a canned email. Its templates must be legal for
// every event of every subscription that uses it.
func (s *Setup) PutEmail(owner string, spec email.Spec, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	var r field.Report
	r.Join("", spec.Check())
	s.checkEmail(&r, &spec, env.Catalogue)
	if err := r.Problems().Or(); err != nil {
		return Change{}, err
	}
	next := email.Canned{Spec: spec, Revision: 1}
	if err := inline(&next, env.Catalogue).Or(); err != nil {
		return Change{}, err
	}
	w := write{bucket: topology.Emails, owner: owner, id: spec.ID, after: spec}
	if former, ok := s.Emails[spec.ID]; ok {
		w.before, next.Revision = former.Spec, former.Revision+1
	}
	w.stored = next
	return s.change(w)
}

func (s *Setup) checkEmail(r *field.Report, spec *email.Spec, catalogue *tokens.Catalogue) {
	if len(s.SMTP.Sets) == 0 {
		r.Add("/smtp", "reference.unknown", "the owner has no SMTP settings yet")
	} else if _, ok := s.SMTP.Choose(spec.SMTP); !ok {
		unknown(r, "/smtp", "SMTP settings", spec.SMTP)
	}
	s.checkContactTypes(r, "", spec.ContactTypes())
	var events []string
	for _, sub := range s.usersOfEmail(spec.ID) {
		events = append(events, sub.Events...)
		if sub.Enabled() && !spec.Enabled() {
			r.Add("/active", "reference.in_use", "is used by subscription "+sub.ID+" and so must stay active")
		}
		if !addressed(spec, sub.Email) {
			r.Add("/to", "recipient.required", "subscription "+sub.ID+" uses it and names no recipients of its own")
		}
	}
	slices.Sort(events)
	r.Join("", CheckEmail(catalogue, spec, slices.Compact(events)))
}

// addressed reports whether a mail of the subscription has somebody to go to.
func addressed(spec *email.Spec, use *subscription.Email) bool {
	return len(spec.To) > 0 || len(use.To) > 0
}

// usersOfEmail returns the subscriptions that send the email.
func (s *Setup) usersOfEmail(id string) []*subscription.Subscription {
	var users []*subscription.Subscription
	for _, sub := range s.Subscriptions {
		if !sub.Deleted && sub.Email != nil && sub.Email.CannedEmail == id {
			users = append(users, sub)
		}
	}
	slices.SortFunc(users, func(a, b *subscription.Subscription) int { return strings.Compare(a.ID, b.ID) })
	return users
}

// DeleteEmail deletes a canned email that no subscription uses.
func (s *Setup) DeleteEmail(owner, id string) (Change, error) {
	const op = "delete canned email"
	former, ok := s.Emails[id]
	if !ok {
		return Change{}, notFound(op, id)
	}
	var users []string
	for _, sub := range s.usersOfEmail(id) {
		users = append(users, "subscription "+sub.ID)
	}
	if len(users) > 0 {
		return Change{}, inUse(op, id, users)
	}
	return s.change(write{bucket: topology.Emails, owner: owner, id: id, before: former.Spec})
}
