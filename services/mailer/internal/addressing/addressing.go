// Package addressing decides who gets the mails of one delivery: how many
// letters there are, and the To, Cc and Bcc of each.
package addressing

import (
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/letter"
)

// Letter is the addressing of one mail.
type Letter struct {
	// Contact is the person written to, whose values the Contact tokens have;
	// nil when the letter goes to fixed addresses only.
	Contact     *account.Contact
	To, CC, BCC []letter.Address
}

// Plan is the addressing of one delivery.
type Plan struct {
	Letters []Letter
	// Missing lists the contact types that the account has no contact or no
	// address for, in the order met.
	Missing []string
}

// Resolve plans the letters of a canned email for one account, which may be
// nil when the event concerns none. Where the subscription names contact types
// for To, Cc or Bcc, they take the place of the canned email's recipients.
//
// Every contact in To gets a letter of their own, because its tokens speak of
// one person. Fixed addresses in To, and all of Cc and Bcc, go with the first
// letter only: nobody gets the same news twice.
func Resolve(canned *email.Spec, sub *subscription.Email, acc *account.Account) Plan {
	r := resolver{account: acc}
	to := r.resolve(choose(canned.To, sub.To))
	cc := r.resolve(choose(canned.CC, sub.CC))
	bcc := r.resolve(choose(canned.BCC, sub.BCC))

	var letters []Letter
	var fixed []letter.Address
	for _, p := range to {
		if p.contact == nil {
			fixed = append(fixed, p.address)
			continue
		}
		letters = append(letters, Letter{Contact: p.contact, To: []letter.Address{p.address}})
	}
	if len(letters) == 0 && len(fixed)+len(cc)+len(bcc) > 0 {
		letters = []Letter{{}}
	}
	if len(letters) > 0 {
		first := &letters[0]
		first.To = append(first.To, fixed...)
		first.CC, first.BCC = addresses(cc), addresses(bcc)
	}
	return Plan{Letters: letters, Missing: r.missing}
}

func choose(canned []email.Recipient, types []string) []email.Recipient {
	if len(types) == 0 {
		return canned
	}
	out := make([]email.Recipient, len(types))
	for i, t := range types {
		out[i] = email.Recipient{ContactType: t}
	}
	return out
}

// person is a resolved recipient; contact is nil for a fixed address.
type person struct {
	contact *account.Contact
	address letter.Address
}

type resolver struct {
	account *account.Account
	missing []string
}

// resolve looks contact types up. An address that came before is left out.
func (r *resolver) resolve(list []email.Recipient) []person {
	var out []person
	seen := map[string]bool{}
	for _, rec := range list {
		p := person{address: letter.Address{Addr: rec.Address}}
		if rec.ContactType != "" {
			c := r.contact(rec.ContactType)
			if c == nil {
				r.missing = append(r.missing, rec.ContactType)
				continue
			}
			p = person{contact: c, address: letter.Address{Name: fullName(c), Addr: c.Email}}
		}
		if !seen[p.address.Addr] {
			seen[p.address.Addr] = true
			out = append(out, p)
		}
	}
	return out
}

func (r *resolver) contact(contactType string) *account.Contact {
	if r.account == nil {
		return nil
	}
	c, ok := r.account.Contact(contactType)
	if !ok || c.Email == "" {
		return nil
	}
	return c
}

func fullName(c *account.Contact) string {
	return strings.TrimSpace(c.FirstName + " " + c.LastName)
}

func addresses(people []person) []letter.Address {
	var out []letter.Address
	for _, p := range people {
		out = append(out, p.address)
	}
	return out
}
