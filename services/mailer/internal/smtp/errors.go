package smtp

import (
	"errors"
	"fmt"
	"net/textproto"

	"github.com/billhook/billhook/shared/guard"
)

// Class says what a failed transaction means for its letter.
type Class uint8

// The classes.
const (
	// Transient: the same letter may pass later.
	Transient Class = iota
	// Permanent: the server refused this letter for good.
	Permanent
	// Settings: the fault is in the SMTP settings (login, TLS, sender); the
	// letter is not to blame and loses no attempt.
	Settings
	// Ambiguous: the connection was lost after the final dot; the server may
	// have taken the letter.
	Ambiguous
)

// Failure is a transaction that ended without the letter being taken.
type Failure struct {
	Class Class
	// Stage is the step that failed: settings, dial, tls, hello, auth, size,
	// mail, rcpt, data.
	Stage string
	// Code is the SMTP reply code, 0 when none was received.
	Code int
	Err  error
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("smtp %s: %v", f.Stage, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Reason is the stable class of a failure in outcomes, such as "smtp_auth".
func (f *Failure) Reason() string {
	switch {
	case f.Class == Ambiguous:
		return "smtp_ambiguous"
	case errors.Is(f.Err, guard.ErrAddressNotAllowed):
		return "address_not_allowed"
	}
	return "smtp_" + f.Stage
}

// fail classifies err at a stage: a permanent reply (5xx) has the class that
// the stage gives it, everything else may pass later.
func fail(stage string, onPermanent Class, err error) *Failure {
	f := &Failure{Class: Transient, Stage: stage, Err: err}
	if errors.Is(err, guard.ErrAddressNotAllowed) {
		f.Class = Settings
	}
	var reply *textproto.Error
	if errors.As(err, &reply) {
		f.Code = reply.Code
		if reply.Code >= 500 {
			f.Class = onPermanent
		}
	}
	return f
}

var (
	errNoTLS       = errors.New("the server does not offer STARTTLS")
	errNoAuth      = errors.New("the server does not offer AUTH")
	errNoMechanism = errors.New("the server does not offer the AUTH mechanism of the settings, or none that is supported")
	errClearAuth   = errors.New("credentials are not sent over a connection without TLS")
	errTooLarge    = errors.New("the letter is too large")
	errLineEnd     = errors.New("an address has a line end")
	errNoUTF8      = errors.New("the server does not offer SMTPUTF8, which an address needs")
)
