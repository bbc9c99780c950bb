// Package canonical reads JSON in the one form in which the product itself writes
// it, member after member, without reflection and several times faster than
// encoding/json. A [Reader] fails at whatever is not written just so, a text with
// an escape included; that is for the general decoder. It refuses to find members
// in any other order.
package canonical

import (
	"strings"
	"unicode/utf8"
)

// Reader takes texts and literals off the front of a document. Once something is
// not as expected it has failed, and gives nothing any more.
type Reader struct {
	rest   string
	failed bool
}

// Of returns the reader of a document. It is copied once, and all texts share the
// copy.
func Of(document []byte) *Reader { return &Reader{rest: string(document)} }

// Failed reports whether something was not as expected.
func (r *Reader) Failed() bool { return r.failed }

// Whole reports whether all of the document was read, as it was expected.
func (r *Reader) Whole() bool { return !r.failed && r.rest == "" }

// Has reports whether what follows begins with lead, which is not passed.
func (r *Reader) Has(lead string) bool { return !r.failed && strings.HasPrefix(r.rest, lead) }

// Count returns how often a text stands in what follows.
func (r *Reader) Count(text string) int { return strings.Count(r.rest, text) }

// Expect passes lead.
func (r *Reader) Expect(lead string) {
	if r.Has(lead) {
		r.rest = r.rest[len(lead):]
		return
	}
	r.failed = true
}

// Text reads what stands between lead, which ends with a quote, and the next
// quote.
func (r *Reader) Text(lead string) string {
	if r.Expect(lead); r.failed {
		return ""
	}
	n := strings.IndexByte(r.rest, '"')
	if n < 0 || !plain(r.rest[:n]) {
		r.failed = true
		return ""
	}
	text := r.rest[:n]
	r.rest = r.rest[n+1:]
	return text
}

// Optional is [Reader.Text] of a member that may lack: then it is empty.
func (r *Reader) Optional(lead string) string {
	if r.Has(lead) {
		return r.Text(lead)
	}
	return ""
}

// plain reports whether a text stands for itself: it has no escapes, nothing that
// JSON allows in an escape only, and nothing that a decoder replaces.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < 0x20 || c == '\\':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s)
}

// Number reads a whole or decimal number without an exponent.
func (r *Reader) Number() string {
	n := strings.IndexAny(r.rest, ",}]")
	if r.failed || n < 0 || !number(r.rest[:n]) {
		r.failed = true
		return ""
	}
	literal := r.rest[:n]
	r.rest = r.rest[n:]
	return literal
}

// number reports whether a literal is a JSON number without an exponent.
func number(s string) bool {
	whole, part, decimal := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return digits(whole) && (len(whole) == 1 || whole[0] != '0') && (!decimal || digits(part))
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Skip passes an object of which nothing is wanted, whatever is in it. It trusts
// that it is one.
func (r *Reader) Skip() {
	if !r.Has("{") {
		r.failed = true
		return
	}
	for i, depth := 0, 0; i < len(r.rest); i++ {
		switch r.rest[i] {
		case '"':
			i = r.quoteAfter(i)
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				r.rest = r.rest[i+1:]
				return
			}
		}
	}
	r.failed = true
}

// quoteAfter returns where the text ends that begins at i.
func (r *Reader) quoteAfter(i int) int {
	for i++; i < len(r.rest) && r.rest[i] != '"'; i++ {
		if r.rest[i] == '\\' {
			i++
		}
	}
	return i
}
