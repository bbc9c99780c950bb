package probe

import "time"

// MailQuestion asks the mailer to show a canned email, to try SMTP settings, or
// to do both: then the email is sent.
type MailQuestion struct {
	Owner string `json:"owner"`
	// SMTP is the id of the settings; empty means those of the canned email.
	SMTP string `json:"smtp,omitempty"`
	// Email is the id of the canned email; empty means a message of our own.
	Email string `json:"email,omitempty"`
	// EventType asks for the example of a type; EventSeq, if it is not 0, for
	// an event of EVENTS.
	EventType string `json:"event_type,omitempty"`
	EventSeq  uint64 `json:"event_seq,omitempty"`
	// Locale is the language; empty means that of the event's account.
	Locale string `json:"locale,omitempty"`
	// Connect asks for the settings to be tried. To is the address that a letter
	// goes to; without one none is sent.
	Connect bool   `json:"connect,omitempty"`
	To      string `json:"to,omitempty"`
}

// MailReport is what became of it.
type MailReport struct {
	// Refused says why nothing was done; nil when something was.
	Refused *Refusal `json:"refused,omitempty"`
	Mailing
}

// Mailing is a letter and what was done to send it.
type Mailing struct {
	// Letter is the letter as it would be sent, or was.
	Letter *Letter `json:"letter,omitempty"`
	// Steps are what was done to send it, in order. Only the last may have
	// failed.
	Steps []Step `json:"steps,omitempty"`
}

// RefuseMail returns the report that nothing was done.
func RefuseMail(r Refusal) MailReport { return MailReport{Refused: &r} }

// Letter is a rendered mail.
type Letter struct {
	// Header are its lines as they are read: encoded words are decoded.
	Header []Line `json:"header"`
	Text   string `json:"text,omitempty"`
	HTML   string `json:"html,omitempty"`
	// Size is that of the message on the wire, in bytes.
	Size int `json:"size"`
}

// Step is one thing that was done to send a letter.
type Step struct {
	// Name is dns, tcp, tls, hello, auth or message.
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
	// Detail is for people: what was found, or what went wrong.
	Detail string `json:"detail,omitempty"`
	// Reason is empty when it worked, else that of an outcome.
	Reason string `json:"reason,omitempty"`
}
