// Package email is the canned email: the templates of a mail, whom it is from
// and whom it goes to. It refuses to render; see tokens.
package email

// Spec is what an owner writes and reads of a canned email.
type Spec struct {
	ID string `json:"id"`
	// Name describes the email to the owner's people.
	Name string `json:"name"`
	// Subject, HTML and Text are templates. Either body may be absent.
	Subject string `json:"subject"`
	HTML    string `json:"html,omitempty"`
	Text    string `json:"text,omitempty"`
	// From overrides what the SMTP settings say, where given.
	From From        `json:"from,omitzero"`
	To   []Recipient `json:"to,omitempty"`
	CC   []Recipient `json:"cc,omitempty"`
	BCC  []Recipient `json:"bcc,omitempty"`
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

// Recipient is an address, or the contact of a type on the event's account.
// Exactly one of the two is set.
type Recipient struct {
	Address     string `json:"address,omitempty"`
	ContactType string `json:"contact_type,omitempty"`
}

// Canned is a stored canned email.
type Canned struct {
	Spec
	// Revision counts the edits, from 1. A delivery records the one it used.
	Revision int `json:"revision"`
}

// Enabled reports whether the email may be subscribed.
func (s *Spec) Enabled() bool { return s.Active == nil || *s.Active }
