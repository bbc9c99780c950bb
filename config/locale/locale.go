// Package locale holds the one rule for the languages that people are written
// to in: tags of BCP 47, in one spelling, and what is looked for in place of a
// language that is not there. It refuses to translate.
package locale

import (
	"strings"

	"golang.org/x/text/language"
)

// MaxLength is in bytes.
const MaxLength = 35

// Canonical returns a tag in the spelling that it is stored and compared in,
// such as pt-BR for PT_br. It reports false for what is no tag of a language.
func Canonical(tag string) (string, bool) {
	if tag == "" || len(tag) > MaxLength {
		return "", false
	}
	t, err := language.Parse(tag)
	if err != nil {
		return "", false
	}
	if base, _, _ := t.Raw(); base.String() == "und" {
		return "", false // any language, or a private one
	}
	return t.String(), true
}

// Wider returns what to look for when a canonical tag is not there, "" when
// nothing is left: the tag without its last part (RFC 4647, section 3.4).
func Wider(tag string) string {
	i := strings.LastIndexByte(tag, '-')
	if i < 0 {
		return ""
	}
	if i >= 2 && tag[i-2] == '-' {
		i -= 2 // a single letter only begins what was cut off
	}
	return tag[:i]
}
