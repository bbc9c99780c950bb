package email

import (
	"strconv"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
)

// MaxRecipients is the greatest number of recipients in each of to, cc and bcc.
const MaxRecipients = 50

// Check brings s into its stored form, with its defaults, and returns the
// rules it breaks by itself. What it names of other resources, and its tokens,
// are checked where those are known.
func (s *Spec) Check() fault.Problems {
	if s.Active == nil {
		s.Active = new(true)
	}
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	if s.Subject == "" {
		r.Add("/subject", "text.required", "must not be empty")
	}
	if s.HTML == "" && s.Text == "" {
		r.Add("", "email.body", "an HTML body, a text body or both are needed")
	}
	r.Line("/from/name", s.From.Name, field.MaxName)
	if s.From.Address != "" {
		r.Address("/from/address", s.From.Address)
	}
	checkRecipients(&r, "/to", s.To)
	checkRecipients(&r, "/cc", s.CC)
	checkRecipients(&r, "/bcc", s.BCC)
	if s.SMTP != "" {
		r.ID("/smtp", s.SMTP)
	}
	return r.Problems()
}

func checkRecipients(r *field.Report, pointer string, list []Recipient) {
	if len(list) > MaxRecipients {
		r.Add(pointer, "list.length", "at most "+strconv.Itoa(MaxRecipients)+" recipients")
		return
	}
	seen := map[Recipient]bool{}
	for i, to := range list {
		switch {
		case (to.Address == "") == (to.ContactType == ""):
			r.Add(field.At(pointer, i), "recipient.form", "needs either an address or a contact_type")
		case to.Address != "":
			r.Address(field.At(pointer, i, "address"), to.Address)
		default:
			r.ID(field.At(pointer, i, "contact_type"), to.ContactType)
		}
		if seen[to] {
			r.Add(field.At(pointer, i), "recipient.duplicate", "is in the list twice")
		}
		seen[to] = true
	}
}

// ContactTypes returns every contact type that receives the email, with the
// pointer of each mention.
func (s *Spec) ContactTypes() map[string]string {
	out := map[string]string{}
	for pointer, list := range map[string][]Recipient{"/to": s.To, "/cc": s.CC, "/bcc": s.BCC} {
		for i, to := range list {
			if to.ContactType != "" {
				out[field.At(pointer, i, "contact_type")] = to.ContactType
			}
		}
	}
	return out
}
