package email_test

import (
	"testing"

	"github.com/billhook/billhook/config/email"
)

func TestCannedEmails(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*email.Spec)
		want   string // "pointer rule" of the first problem, "" when legal
	}{
		{"text alone", func(*email.Spec) {}, ""},
		{"HTML alone", func(s *email.Spec) { s.HTML, s.Text = s.Text, "" }, ""},
		{"no body", func(s *email.Spec) { s.Text = "" }, " email.body"},
		{"no subject", func(s *email.Spec) { s.Subject = "" }, "/subject text.required"},
		{"no name", func(s *email.Spec) { s.Name = "" }, "/name text.required"},
		{"from name with a line end", func(s *email.Spec) { s.From.Name = "a\nBcc: b@example.com" }, "/from/name text.control"},
		{"from address with a name", func(s *email.Spec) { s.From.Address = "A <a@example.com>" }, "/from/address address.form"},
		{"mixed recipients", func(s *email.Spec) {
			s.To = []email.Recipient{{Address: "a@example.com"}, {ContactType: "billing"}}
		}, ""},
		{"recipient of both kinds", func(s *email.Spec) {
			s.CC = []email.Recipient{{Address: "a@example.com", ContactType: "billing"}}
		}, "/cc/0 recipient.form"},
		{"recipient of no kind", func(s *email.Spec) { s.BCC = []email.Recipient{{}} }, "/bcc/0 recipient.form"},
		{"two addresses in one", func(s *email.Spec) {
			s.To = []email.Recipient{{Address: "a@example.com,b@example.com"}}
		}, "/to/0/address address.form"},
		{"same twice", func(s *email.Spec) {
			s.To = []email.Recipient{{ContactType: "b"}, {ContactType: "b"}}
		}, "/to/1 recipient.duplicate"},
		{"contact type that is no id", func(s *email.Spec) { s.To = []email.Recipient{{ContactType: "a.b"}} }, "/to/0/contact_type id.form"},
		{"too many", func(s *email.Spec) { s.To = make([]email.Recipient, 51) }, "/to list.length"},
		{"settings that are no id", func(s *email.Spec) { s.SMTP = "a b" }, "/smtp id.form"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := email.Spec{ID: "e", Name: "E", Subject: "Hello", Text: "Hello"}
			row.change(&s)
			problems := s.Check()
			got := ""
			if len(problems) > 0 {
				got = problems[0].Pointer + " " + problems[0].Rule
			}
			if got != row.want {
				t.Errorf("problems = %v, want %q", problems, row.want)
			}
			if s.Active == nil || !s.Enabled() {
				t.Error("an email is active unless it says otherwise")
			}
		})
	}
}
