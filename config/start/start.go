// Package start says from where in the past something that reads events begins
// when it is made: now, at the beginning, or at a moment. It refuses to find the
// place in EVENTS; see store.
package start

import (
	"cmp"
	"time"

	"github.com/billhook/billhook/config/field"
)

// The words beside a moment.
const (
	Now       = "now"
	Beginning = "beginning"
)

// Check returns a start in its stored form: [Now] where none is given, a moment
// in UTC. It notes in r what is neither a word nor a moment in RFC 3339.
func Check(r *field.Report, pointer, text string) string {
	text = cmp.Or(text, Now)
	if text == Now || text == Beginning {
		return text
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		r.Add(pointer, "start.form", "must be now, beginning or a moment in RFC 3339 such as 2026-11-01T00:00:00Z")
		return text
	}
	return at.UTC().Format(time.RFC3339Nano)
}

// At returns the moment that a start names, zero for the words.
func At(text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// CheckPast notes in r a start that lies behind a moment, which is now.
func CheckPast(r *field.Report, pointer, text string, now time.Time) {
	if At(text).After(now) {
		r.Add(pointer, "start.future", "must not lie in the future")
	}
}
