// Package addressing decides who gets the mails of one delivery: how many
// letters there are, and the To, Cc and Bcc of each.
package addressing

import (
	"strings"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/subscription"
	"github.com/billhook/billhook/services/mailer/internal/letter"
	"github.com/billhook/billhook/shared/event"
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
	// address for, and the tokens that hold none, in the order met.
	Missing []string
	// Off is true where contacts get nothing because the account has email
	// invoicing switched off.
	Off bool
	// Invoicing is true where the letters are those of email invoicing.
	Invoicing bool
}

// Case is what an addressing is decided from.
type Case struct {
	Canned *email.Spec
	Use    *subscription.Email
	// Account is nil when the event concerns none.
	Account *account.Account
	// Types are the owner's contact types.
	Types account.ContactTypes
	// Values are those of the event, for the tokens that hold addresses.
	Values event.Values
	// Invoicing is true for an invoicing event.
	Invoicing bool
}

// Resolve plans the letters. Where the subscription names contact types for
// To, Cc or Bcc, they take the place of the canned email's recipients.
//
// Every contact in To gets a letter of their own, because its tokens speak of
// one person. Fixed addresses in To go with the first letter only, and so do
// all of Cc and Bcc unless the subscription has them go with each: nobody gets
// the same news twice.
//
// An invoicing event goes to the billing contact in place of the contacts in
// To, if the account wants invoices by email; else to no contact at all.
func Resolve(c Case) Plan {
	r := resolver{Case: c}
	r.off = c.Invoicing && (c.Account == nil || !c.Account.EmailInvoicing)
	to := r.to()
	cc := r.resolve(choose(c.Canned.CC, c.Use.CC))
	bcc := r.resolve(choose(c.Canned.BCC, c.Use.BCC))

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
		letters[0].To = append(letters[0].To, fixed...)
	}
	for i := range letters {
		if i == 0 || c.Use.CopyEach {
			letters[i].CC, letters[i].BCC = addresses(cc), addresses(bcc)
		}
	}
	return Plan{Letters: letters, Missing: r.missing, Off: r.dropped, Invoicing: c.Invoicing && !r.off}
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
	Case
	// off is true where no contact is written to, dropped once that met one.
	off, dropped bool
	missing      []string
}

// to resolves the recipients in To, with the fallback for those that lack.
func (r *resolver) to() []person {
	list := choose(r.Canned.To, r.Use.To)
	if r.Invoicing {
		list = r.billed(list)
	}
	out := r.resolve(list)
	if len(r.missing) == 0 {
		return out
	}
	var instead person
	switch r.Use.Fallback {
	case "", subscription.FallbackNone:
		return out
	case subscription.FallbackBilling:
		c := r.billing("")
		if c == nil {
			return out
		}
		instead = reach(c)
	default:
		instead.address = letter.Address{Addr: r.Use.Fallback}
	}
	for _, p := range out {
		if p.address.Addr == instead.address.Addr {
			return out
		}
	}
	return append(out, instead)
}

// billed puts the billing contact in the place of all contacts.
func (r *resolver) billed(list []email.Recipient) []email.Recipient {
	var out []email.Recipient
	done := false
	for _, rec := range list {
		if rec.ContactType == "" {
			out = append(out, rec)
			continue
		}
		if done {
			continue
		}
		done = true
		if c := r.billing(rec.ContactType); c != nil {
			rec.ContactType = c.Type
		} else if t := r.billingType(); t != "" {
			rec.ContactType = t
		}
		out = append(out, rec)
	}
	return out
}

// billing returns the account's billing contact: that of the type asked for
// where it is one for billing, else the first that has an address.
func (r *resolver) billing(asked string) *account.Contact {
	if t, ok := r.Types.Find(asked); ok && t.Base == account.Billing {
		if c := r.contact(asked); c != nil {
			return c
		}
	}
	for _, t := range r.Types.Types {
		if t.Base != account.Billing {
			continue
		}
		if c := r.contact(t.ID); c != nil {
			return c
		}
	}
	return nil
}

// billingType is the first contact type for billing, empty for none.
func (r *resolver) billingType() string {
	for _, t := range r.Types.Types {
		if t.Base == account.Billing {
			return t.ID
		}
	}
	return ""
}

// resolve looks contact types up. An address that came before is left out.
func (r *resolver) resolve(list []email.Recipient) []person {
	var out []person
	seen := map[string]bool{}
	for _, rec := range list {
		p, ok := r.person(rec)
		if ok && !seen[p.address.Addr] {
			seen[p.address.Addr] = true
			out = append(out, p)
		}
	}
	return out
}

// person looks a recipient up; it notes who is missing.
func (r *resolver) person(rec email.Recipient) (p person, ok bool) {
	switch {
	case rec.Token != "":
		p.address.Addr = r.Values.Text(rec.Token)
		if address.Check(p.address.Addr) != nil {
			r.missing = append(r.missing, rec.Token)
			return p, false
		}
		return p, true
	case rec.ContactType == "":
		p.address.Addr = rec.Address
		return p, true
	case r.off:
		r.dropped = true
		return p, false
	}
	c := r.contact(rec.ContactType)
	if c == nil {
		r.missing = append(r.missing, rec.ContactType)
		return p, false
	}
	return reach(c), true
}

func reach(c *account.Contact) person {
	return person{contact: c, address: letter.Address{Name: fullName(c), Addr: c.Email}}
}

func (r *resolver) contact(contactType string) *account.Contact {
	if r.Account == nil {
		return nil
	}
	c, ok := r.Account.Contact(contactType)
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
