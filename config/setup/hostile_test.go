package setup_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/email"
	"github.com/billhook/billhook/config/owner"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/tokens"
)

// hostile is one row of the tables of bad input: what is put somewhere, the
// rule that refuses it ("" where it is legal and must not be refused), and why.
type hostile struct{ value, rule, why string }

// stage is an owner with everything that an email refers to.
type stage struct {
	setup setup.Setup
	env   setup.Env
}

func newStage(t *testing.T) *stage {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{env: setup.Env{Catalogue: c, Mail: &guard.Policy{}}}
	s.setup.Owner = &owner.Owner{ID: "acme", Name: "Acme"}
	s.setup.ContactTypes.Types = []account.ContactType{{ID: "billing", Name: "Billing", Base: account.Billing}}
	if _, err := s.setup.PutSMTP("acme", settings(), s.env); err != nil {
		t.Fatal(err)
	}
	if _, err := s.setup.PutEmail("acme", letter(), s.env); err != nil {
		t.Fatal(err)
	}
	return s
}

func settings() smtp.Document {
	return smtp.Document{Spec: smtp.Spec{ID: "main", Name: "Main", Host: "mail.example.com", FromAddress: "billing@example.com"}}
}

func letter() email.Spec {
	return email.Spec{ID: "e", Name: "E", Subject: "Hello", Text: "Hello", To: []email.Recipient{{Address: "a@example.com"}}}
}

func person(c account.Contact) account.Account {
	c.ID, c.Type = "1", "billing"
	return account.Account{ID: "a", Name: "A", Contacts: []account.Contact{c}}
}

// place is a field that a value is put into.
type place struct {
	pointer string
	put     func(s *stage, value string) error
}

func inSettings(pointer string, set func(*smtp.Document, string)) place {
	return place{pointer, func(s *stage, value string) error {
		d := settings()
		set(&d, value)
		_, err := s.setup.PutSMTP("acme", d, s.env)
		return err
	}}
}

func inEmail(pointer string, set func(*email.Spec, string)) place {
	return place{pointer, func(s *stage, value string) error {
		e := letter()
		set(&e, value)
		_, err := s.setup.PutEmail("acme", e, s.env)
		return err
	}}
}

func inContact(pointer string, set func(*account.Contact, string)) place {
	return place{pointer, func(s *stage, value string) error {
		var c account.Contact
		set(&c, value)
		_, err := s.setup.PutAccount("acme", nil, person(c))
		return err
	}}
}

// judge puts every row into every place and compares what is refused there.
func judge(t *testing.T, rows []hostile, places ...place) {
	t.Helper()
	seen := map[string]bool{}
	for _, row := range rows {
		if seen[row.value] || seen[row.why] {
			t.Errorf("%q (%s) repeats another row", row.value, row.why)
		}
		seen[row.value], seen[row.why] = true, true
		for _, p := range places {
			err := p.put(newStage(t), row.value)
			if got := ruleAt(err, p.pointer); got != row.rule || (row.rule == "") != (err == nil) {
				t.Errorf("%q at %s: %q (%v), want %q: %s", row.value, p.pointer, got, err, row.rule, row.why)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\x00") {
				t.Errorf("the refusal of %q repeats it", row.value)
			}
		}
	}
}

// ruleAt returns the rule of the first problem at a pointer.
func ruleAt(err error, pointer string) string {
	for _, p := range fault.ProblemsOf(err) {
		if p.Pointer == pointer {
			return p.Rule
		}
	}
	return ""
}

func TestHostileAddressesAreRefusedWhereverTheyAreWritten(t *testing.T) {
	judge(t, addresses,
		inSettings("/from_address", func(d *smtp.Document, v string) { d.FromAddress = v }),
		inSettings("/reply_to", func(d *smtp.Document, v string) { d.ReplyTo = v }),
		inSettings("/envelope_sender", func(d *smtp.Document, v string) { d.EnvelopeSender = v }),
		inEmail("/from/address", func(e *email.Spec, v string) { e.From.Address = v }),
		inEmail("/to/0/address", func(e *email.Spec, v string) { e.To[0].Address = v }),
		inEmail("/cc/0/address", func(e *email.Spec, v string) { e.CC = []email.Recipient{{Address: v}} }),
		inEmail("/bcc/0/address", func(e *email.Spec, v string) { e.BCC = []email.Recipient{{Address: v}} }),
		inContact("/contacts/0/email", func(c *account.Contact, v string) { c.Email = v }),
	)
}

func TestHostileNamesAreRefusedWhereverTheyAreWritten(t *testing.T) {
	judge(t, names,
		inSettings("/from_name", func(d *smtp.Document, v string) { d.FromName = v }),
		inEmail("/from/name", func(e *email.Spec, v string) { e.From.Name = v }),
		inEmail("/name", func(e *email.Spec, v string) { e.Name = v }),
		inContact("/contacts/0/first_name", func(c *account.Contact, v string) { c.FirstName = v }),
	)
}

func TestHostileSubjectsAreRefused(t *testing.T) {
	judge(t, subjects,
		inEmail("/subject", func(e *email.Spec, v string) { e.Subject = v }),
		inEmail("/locales/de/subject", func(e *email.Spec, v string) { e.Locales = map[string]email.Texts{"de": {Subject: v, Text: "x"}} }),
	)
}

func TestHostileBodiesAreRefused(t *testing.T) {
	judge(t, bodies, inEmail("/html", func(e *email.Spec, v string) { e.HTML = v }))
	judge(t, texts, inEmail("/text", func(e *email.Spec, v string) { e.Text = v }))
}

func TestTheTablesOfBadInputHaveAHundredRows(t *testing.T) {
	if n := len(addresses) + len(names) + len(subjects) + len(bodies) + len(texts); n < 100 {
		t.Errorf("only %d rows", n)
	}
}
