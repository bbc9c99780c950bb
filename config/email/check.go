package email

import (
	"maps"
	"slices"
	"strconv"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/locale"
	"github.com/billhook/billhook/shared/fault"
)

// MaxRecipients is the greatest number of recipients in each of to, cc and bcc.
const MaxRecipients = 50

// MaxLocales is the greatest number of languages beside an email's own.
const MaxLocales = 50

// Check brings s into its stored form, with its defaults, and returns the
// rules it breaks by itself. What it names of other resources, and its tokens,
// are checked where those are known.
func (s *Spec) Check() fault.Problems {
	if s.Active == nil {
		s.Active = new(true)
	}
	if s.Transactional == nil {
		s.Transactional = new(true)
	}
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	r.Join("", s.Own().check())
	s.checkLocales(&r)
	r.Line("/from/name", s.From.Name, field.MaxName)
	if s.From.Address != "" {
		r.Address("/from/address", s.From.Address)
	}
	checkRecipients(&r, "/to", s.To)
	checkRecipients(&r, "/cc", s.CC)
	checkRecipients(&r, "/bcc", s.BCC)
	s.checkAttachments(&r)
	if s.SMTP != "" {
		r.ID("/smtp", s.SMTP)
	}
	return r.Problems()
}

func (t Texts) check() fault.Problems {
	var r field.Report
	if t.Subject == "" {
		r.Add("/subject", "text.required", "must not be empty")
	}
	if t.HTML == "" && t.Text == "" {
		r.Add("", "email.body", "an HTML body, a text body or both are needed")
	}
	return r.Problems()
}

// checkLocales also brings the tags into the spelling that they are found by.
func (s *Spec) checkLocales(r *field.Report) {
	if len(s.Locales) > MaxLocales {
		r.Add("/locales", "list.length", "at most "+strconv.Itoa(MaxLocales)+" locales")
		return
	}
	stored := make(map[string]Texts, len(s.Locales))
	for _, tag := range slices.Sorted(maps.Keys(s.Locales)) {
		pointer := "/locales" + fault.Pointer(tag)
		if r.Locale(pointer, tag); tag == "" {
			r.Add(pointer, "locale.form", "must not be empty")
		}
		r.Join(pointer, s.Locales[tag].check())
		canonical, _ := locale.Canonical(tag)
		if _, again := stored[canonical]; again && canonical != "" {
			r.Add(pointer, "locale.duplicate", "is "+canonical+" in another spelling, which is there too")
		}
		stored[canonical] = s.Locales[tag]
	}
	if len(stored) > 0 {
		s.Locales = stored
	}
}

func (s *Spec) checkAttachments(r *field.Report) {
	for i, a := range s.Attachments {
		if a != Invoice {
			r.Add(field.At("/attachments", i), "attachment.unknown", "must be invoice")
		}
		if slices.Index(s.Attachments, a) < i {
			r.Add(field.At("/attachments", i), "attachment.duplicate", "is in the list twice")
		}
	}
}

func checkRecipients(r *field.Report, pointer string, list []Recipient) {
	if len(list) > MaxRecipients {
		r.Add(pointer, "list.length", "at most "+strconv.Itoa(MaxRecipients)+" recipients")
		return
	}
	seen := map[Recipient]bool{}
	for i, to := range list {
		switch {
		case to.forms() != 1:
			r.Add(field.At(pointer, i), "recipient.form", "needs exactly one of address, contact_type and token")
		case to.Token != "": // judged where the events are known
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

func (r Recipient) forms() int {
	n := 0
	for _, v := range []string{r.Address, r.ContactType, r.Token} {
		if v != "" {
			n++
		}
	}
	return n
}

// Tokens returns every token that says whom the email goes to, by the pointer
// of each mention.
func (s *Spec) Tokens() map[string]string {
	return s.mentions("token", func(r Recipient) string { return r.Token })
}

// ContactTypes returns every contact type that receives the email, with the
// pointer of each mention.
func (s *Spec) ContactTypes() map[string]string {
	return s.mentions("contact_type", func(r Recipient) string { return r.ContactType })
}

func (s *Spec) mentions(name string, of func(Recipient) string) map[string]string {
	out := map[string]string{}
	for pointer, list := range map[string][]Recipient{"/to": s.To, "/cc": s.CC, "/bcc": s.BCC} {
		for i, to := range list {
			if v := of(to); v != "" {
				out[field.At(pointer, i, name)] = v
			}
		}
	}
	return out
}
