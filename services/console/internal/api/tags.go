package api

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// tags are what operations belong to, of which the routes make use, in the order
// of their names.
func tags(routes []Route) []*huma.Tag {
	var out []*huma.Tag
	for _, t := range [][2]string{
		{"accounts", "Customers of an owner, with their contacts: what templates say of them, and where their mail goes."},
		{"api-keys", "Keys of this API and of publishers, with their roles."},
		{"apply", "Many resources at once, from one file."},
		{"audit", "Who changed what, and when."},
		{"canned-emails", "Mails as templates."},
		{"catalogue", "Types of events, and the values that they have."},
		{"contact-types", "What contacts are for, such as billing."},
		{"contacts", "People of an account, each of a contact type."},
		{"deliveries", "Attempts to deliver, and what came of them."},
		{"endpoints", "Where webhooks go, and how they are signed, retried and held back."},
		{"events", "What happened, as the platform publishes it and as it was accepted."},
		{"owners", "Tenants of the installation. Everything else belongs to one."},
		{"parked", "Deliveries that were given up."},
		{"queues", "Events that are read over HTTP at the reader's own pace."},
		{"schedules", "What is planned for later."},
		{"smtp-settings", "Mail servers and how to log in to them. One of an owner's is the default."},
		{"subscriptions", "Which events become which webhooks and mails."},
		{"suppressions", "Addresses that get no emails but what is owed to them."},
	} {
		if slices.ContainsFunc(routes, func(r Route) bool { return r.Tag == t[0] }) {
			out = append(out, &huma.Tag{Name: t[0], Description: t[1]})
		}
	}
	return out
}
