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
		{"recipient by a token", func(s *email.Spec) { s.To = []email.Recipient{{Token: "Account.Company.Email"}} }, ""},
		{"address and token", func(s *email.Spec) {
			s.To = []email.Recipient{{Address: "a@example.com", Token: "Account.Company.Email"}}
		}, "/to/0 recipient.form"},
		{"invoice attached", func(s *email.Spec) { s.Attachments = []email.Attachment{"invoice"} }, ""},
		{"something attached", func(s *email.Spec) { s.Attachments = []email.Attachment{"/etc/passwd"} }, "/attachments/0 attachment.unknown"},
		{"attached twice", func(s *email.Spec) { s.Attachments = []email.Attachment{"invoice", "invoice"} }, "/attachments/1 attachment.duplicate"},
		{"other languages", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"de": {Subject: "Hallo", Text: "Hallo"}, "pt_br": {Subject: "Olá", HTML: "<p>Olá</p>"}}
		}, ""},
		{"language without a subject", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"de": {Text: "Hallo"}}
		}, "/locales/de/subject text.required"},
		{"language without a body", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"de": {Subject: "Hallo"}}
		}, "/locales/de email.body"},
		{"language that is none", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"german": {Subject: "Hallo", Text: "Hallo"}}
		}, "/locales/german locale.form"},
		{"language without a name", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"": {Subject: "Hallo", Text: "Hallo"}}
		}, "/locales/ locale.form"},
		{"language in two spellings", func(s *email.Spec) {
			s.Locales = map[string]email.Texts{"de-AT": {Subject: "Hallo", Text: "Hallo"}, "de-at": {Subject: "Servus", Text: "Servus"}}
		}, "/locales/de-at locale.duplicate"},
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

func TestTheTextsAreTheNearestToTheLocale(t *testing.T) {
	s := email.Spec{ID: "e", Name: "E", Subject: "Hello", Text: "Hello", Locales: map[string]email.Texts{}}
	for _, tag := range []string{"de", "de-at", "zh_Hant", "pt-BR"} {
		s.Locales[tag] = email.Texts{Subject: tag, Text: tag}
	}
	if p := s.Check(); p != nil {
		t.Fatal(p)
	}
	c := email.Canned{Spec: s}
	for asked, want := range map[string]string{
		"": "Hello", "en": "Hello", "de": "de", "de-AT": "de-at", "DE_at": "de-at", "de-CH": "de", "zh-Hant-TW": "zh_Hant",
		"zh": "Hello", "pt": "Hello", "pt-BR-u-co-phonebk": "pt-BR", "nonsense-": "Hello",
	} {
		if got := c.In(c.Language(asked)).Subject; got != want {
			t.Errorf("%q: %s, want %s", asked, got, want)
		}
	}
	c.HTML, c.Inlined = "a", map[string]string{"": "own", "de": "inlined"}
	for asked, want := range map[string]string{"": "own", "de-CH": "inlined", "pt-BR": ""} {
		if got := c.In(c.Language(asked)).HTML; got != want {
			t.Errorf("%q: HTML %q, want %q", asked, got, want)
		}
	}
}
