// Package email is the canned email: the templates of a mail, whom it is from
// and whom it goes to. It refuses to render; see tokens.
package email

import "github.com/billhook/billhook/config/locale"

// Spec is what an owner writes and reads of a canned email.
type Spec struct {
	ID string `json:"id"`
	// Name describes the email to the owner's people.
	Name string `json:"name"`
	// Subject, HTML and Text are templates. Either body may be absent.
	Subject string `json:"subject"`
	HTML    string `json:"html,omitempty"`
	Text    string `json:"text,omitempty"`
	// Locales are the same in other languages, by their BCP 47 tags: see
	// [Canned.Language].
	Locales map[string]Texts `json:"locales,omitempty"`
	// From overrides what the SMTP settings say, where given.
	From From        `json:"from,omitzero"`
	To   []Recipient `json:"to,omitempty"`
	CC   []Recipient `json:"cc,omitempty"`
	BCC  []Recipient `json:"bcc,omitempty"`
	// Attachments are the documents of the event that go with it.
	Attachments []Attachment `json:"attachments,omitempty"`
	// Transactional is true when not given: the mail is owed to whoever gets
	// it. One that is not may be unsubscribed from.
	Transactional *bool `json:"transactional,omitempty"`
	// SMTP is the id of SMTP settings; empty means the owner's default at the
	// moment of sending.
	SMTP string `json:"smtp,omitempty"`
	// Active is true when not given. An inactive email cannot be subscribed.
	Active *bool `json:"active,omitempty"`
}

// From is a sender.
type From struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

// Texts are the templates of a canned email in one language. They stand for
// all of it: nothing is taken from another language.
type Texts struct {
	Subject string `json:"subject"`
	HTML    string `json:"html,omitempty"`
	Text    string `json:"text,omitempty"`
}

// Recipient is an address, the contact of a type on the event's account, or the
// address that a token of the event holds. Exactly one of the three is set.
type Recipient struct {
	Address     string `json:"address,omitempty"`
	ContactType string `json:"contact_type,omitempty"`
	Token       string `json:"token,omitempty"`
}

// Attachment is a kind of document that an event may have.
type Attachment string

// Invoice is the document of the event's invoice.
const Invoice Attachment = "invoice"

// Canned is a stored canned email.
type Canned struct {
	Spec
	// Revision counts the edits, from 1. A delivery records the one it used.
	Revision int `json:"revision"`
	// Inlined are the HTML bodies as they are rendered, by locale ("" for the
	// email's own): with their styles inlined. Bodies without styles are not
	// among them.
	Inlined map[string]string `json:"inlined,omitempty"`
}

// Language returns the locale whose texts are for whoever reads a locale: that
// one itself, else the language it is a part of (de for de-AT, RFC 4647 section
// 3.4), else "", the email's own.
func (c *Canned) Language(tag string) string {
	for tag, _ = locale.Canonical(tag); tag != ""; tag = locale.Wider(tag) {
		if _, ok := c.Locales[tag]; ok {
			return tag
		}
	}
	return ""
}

// In returns the texts of a [Canned.Language], with styles inlined.
func (c *Canned) In(language string) Texts {
	t, ok := c.Locales[language]
	if !ok {
		t = c.Own()
	}
	if html, ok := c.Inlined[language]; ok {
		t.HTML = html
	}
	return t
}

// Own returns the texts for whoever has no other language.
func (s *Spec) Own() Texts { return Texts{Subject: s.Subject, HTML: s.HTML, Text: s.Text} }

// Enabled reports whether the email may be subscribed.
func (s *Spec) Enabled() bool { return s.Active == nil || *s.Active }

// Owed reports whether the mail is transactional.
func (s *Spec) Owed() bool { return s.Transactional == nil || *s.Transactional }
