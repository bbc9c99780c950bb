package setup

import (
	"slices"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/streams/topology"
)

// MaxSMTP is the greatest number of SMTP settings of an owner.
const MaxSMTP = 200

// SMTPSettings returns SMTP settings as an owner reads them.
func (s *Setup) SMTPSettings(id string) (smtp.Document, bool) {
	found, ok := s.SMTP.Find(id)
	if !ok {
		return smtp.Document{}, false
	}
	return shownSMTP(*found, s.SMTP), true
}

// shownSMTP is what a change of SMTP settings shows of them.
func shownSMTP(s smtp.Settings, book smtp.Book) smtp.Document {
	return smtp.Document{Spec: s.Spec, Default: book.Default == s.ID}
}

// PutSMTP creates or replaces SMTP settings. The first ones become the
// default; later ones when their document says so.
func (s *Setup) PutSMTP(owner string, d smtp.Document, env Env) (Change, error) {
	if err := s.known(owner); err != nil {
		return Change{}, err
	}
	book := smtp.Book{Default: s.SMTP.Default, Sets: slices.Clone(s.SMTP.Sets)}
	former, exists := book.Find(d.ID)
	next := smtp.Settings{Spec: d.Spec, Revision: 1}
	var r field.Report
	r.Join("", next.Check(env.Mail))
	w := write{bucket: topology.SMTP, owner: owner}
	if exists {
		w.before = shownSMTP(*former, book)
		next.Password, next.DKIMKey, next.Revision = former.Password, former.DKIMKey, former.Revision+1
		checkMoved(&r, former, &next, d.Password)
	}
	if !exists && len(book.Sets) >= MaxSMTP {
		r.Add("", "list.length", "an owner has at most 200 SMTP settings")
	}
	if err := smtpSecrets(&r, &w, &next, smtpGiven{d, env.Sealer}); err != nil {
		return Change{}, err
	}
	if err := r.Problems().Or(); err != nil {
		return Change{}, err
	}
	if exists {
		*former = next
	} else {
		book.Sets = append(book.Sets, next)
	}
	if d.Default || book.Default == "" {
		book.Default = next.ID
	}
	w.stored, w.after = book, shownSMTP(next, book)
	return s.change(w)
}

// SetDefaultSMTP makes existing settings the default.
func (s *Setup) SetDefaultSMTP(owner, id string) (Change, error) {
	former, ok := s.SMTP.Find(id)
	if !ok {
		return Change{}, notFound("choose default smtp settings", id)
	}
	book := smtp.Book{Default: id, Sets: s.SMTP.Sets}
	return s.change(write{
		bucket: topology.SMTP, owner: owner, stored: book,
		before: shownSMTP(*former, s.SMTP), after: shownSMTP(*former, book),
	})
}

// DeleteSMTP deletes SMTP settings that no canned email uses. The default goes
// only as the last ones.
func (s *Setup) DeleteSMTP(owner, id string) (Change, error) {
	const op = "delete smtp settings"
	former, ok := s.SMTP.Find(id)
	if !ok {
		return Change{}, notFound(op, id)
	}
	isDefault := s.SMTP.Default == id
	if users := s.usersOfSMTP(id, isDefault); len(users) > 0 {
		return Change{}, inUse(op, id, users)
	}
	if isDefault && len(s.SMTP.Sets) > 1 {
		return Change{}, fault.New(fault.Conflict, op, id, fault.Problems{{
			Rule: "smtp.default", Detail: "is the default; make other settings the default first",
		}})
	}
	book := smtp.Book{Default: s.SMTP.Default}
	book.Sets = slices.DeleteFunc(slices.Clone(s.SMTP.Sets), func(o smtp.Settings) bool { return o.ID == id })
	if isDefault {
		book.Default = ""
	}
	return s.change(write{bucket: topology.SMTP, owner: owner, stored: book, before: shownSMTP(*former, s.SMTP)})
}

// usersOfSMTP lists the canned emails that name the settings, and those that
// follow the default where these are the only ones left to be it.
func (s *Setup) usersOfSMTP(id string, isDefault bool) []string {
	last := isDefault && len(s.SMTP.Sets) == 1
	var users []string
	for _, e := range s.Emails {
		if e.SMTP == id || last && e.SMTP == "" {
			users = append(users, "canned email "+e.ID)
		}
	}
	return users
}
