package matter

import (
	"cmp"
	"crypto/sha256"
	"strconv"

	"github.com/billhook/billhook/config/plan/due"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/shared/id"
)

const idPrefix = "pln_"

// noAccount stands in a key for an invoice without an account. It is no
// identifier, so it cannot be one's name.
const noAccount = "="

// ID returns the id of the plan for an invoice of an owner: the same for the
// same invoice and rule, so that an event read again finds the plan it made.
func ID(owner, invoice string, rule due.Rule) string {
	parts := []string{owner, invoice, strconv.Itoa(rule.Days), rule.At.String()}
	if rule.Calendar != "" {
		parts = append(parts, CalendarID(rule.Calendar))
	}
	return idPrefix + digest(parts...)
}

// derivedID returns the id of a plan for a derived event: the same for the same
// matter and what it is derived from.
func derivedID(k Kind, i *Matter, from string) string {
	return idPrefix + digest(string(k), i.Owner, i.Account, i.Name, from)
}

// CalendarID returns the id of a rule's calendar, empty for none.
func CalendarID(c due.Calendar) string { return subscription.CalendarID(string(c)) }

// Key returns the key of an invoice in the bucket of invoices. The account is in
// it so that all of an account's are found by a filter:
// <owner>.<account>.<digest>.
func Key(owner, account, name string) string {
	return OfAccount(owner, account) + "." + digest(owner, name)
}

// ServiceKey returns the key of a service, which is no invoice's.
func ServiceKey(owner, account, name string) string {
	return OfAccount(owner, account) + "." + digest(owner, name, "service")
}

// Key returns the key of the invoice that the news is about.
func (n News) Key() string { return Key(n.Owner, n.Account, n.Name) }

// ServiceKey returns the key of the service that the news is about.
func (n News) ServiceKey() string { return ServiceKey(n.Owner, n.Account, n.Name) }

// OfAccount returns the prefix, without the last dot, of the keys of an
// account's invoices and services.
func OfAccount(owner, account string) string {
	return owner + "." + cmp.Or(account, noAccount)
}

// digest makes a subject token out of texts that may hold anything.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p))
	}
	return id.Of(h.Sum(nil)[:16])
}
