// Package fault names what kinds of failure there are, so that a caller can
// decide (retry, refuse, report) without reading messages. It refuses to carry
// transport codes: HTTP status and acknowledgements are derived from a Kind
// where they are spoken.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a failure means for whoever must react to it.
type Kind uint8

// The kinds. The zero value is Internal: an error nobody classified.
const (
	Internal    Kind = iota // a defect, or something nobody foresaw
	Invalid                 // the input breaks a rule; the same input fails again
	NotFound                // what was named does not exist, or not for this owner
	Conflict                // another writer was first; read again and retry
	Denied                  // the credential does not allow it
	Unavailable             // a dependency is down; the same input may pass later
	Exhausted               // a quota or limit is reached; may pass later
)

// String returns the kind in lower case, for logs and problem types.
func (k Kind) String() string {
	names := [...]string{"internal", "invalid", "not_found", "conflict", "denied", "unavailable", "exhausted"}
	if int(k) < len(names) {
		return names[k]
	}
	return "internal"
}

// Error is a failure with its kind, the operation that failed and the thing it
// failed on. Its text reads "operation subject: cause".
type Error struct {
	Kind    Kind
	Op      string
	Subject string
	Err     error
}

// New returns an Error. The cause may be nil when kind, operation and subject
// say everything.
func New(kind Kind, op, subject string, cause error) *Error {
	return &Error{Kind: kind, Op: op, Subject: subject, Err: cause}
}

// Error implements error.
func (e *Error) Error() string {
	s := e.Op
	if e.Subject != "" {
		s += " " + e.Subject
	}
	if e.Err == nil {
		return s + ": " + strings.ReplaceAll(e.Kind.String(), "_", " ")
	}
	return fmt.Sprintf("%s: %v", s, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost [Error] or [Problems] in err's
// chain, Internal when there is none.
func KindOf(err error) Kind {
	var f *Error
	if errors.As(err, &f) {
		return f.Kind
	}
	var p Problems
	if errors.As(err, &p) {
		return Invalid
	}
	return Internal
}
