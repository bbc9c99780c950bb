// Package encode writes a value so that it is nothing but a value where it
// stands. There is one function for each kind of place; each takes any bytes.
package encode

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text replaces bytes that are not valid UTF-8 and leaves all else.
func Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Line flattens s to one line: runs of control characters and of line and
// paragraph separators become one space.
func Line(s string) string {
	if strings.IndexFunc(s, Breaking) < 0 {
		return Text(s)
	}
	return strings.Join(strings.FieldsFunc(Text(s), Breaking), " ")
}

// Breaking reports whether a character has no place in a line: controls, and
// the separators of lines and paragraphs.
func Breaking(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// HTML encodes s for the text of an element and for attributes in quotes of
// either kind. Control characters are left out, but for tabs and new lines:
// HTML parsers change or drop them.
func HTML(s string) string {
	return markup.Replace(strings.Map(printable, Text(s)))
}

func printable(r rune) rune {
	if unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
		return -1
	}
	return r
}

var markup = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;", "`", "&#96;")

// URL percent-encodes everything but the unreserved characters of RFC 3986, so
// that s is data in any part of a URL.
func URL(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c < utf8.RuneSelf && (c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0)
}
