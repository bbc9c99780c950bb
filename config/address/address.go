// Package address holds the one rule for mail addresses: what may stand in an
// envelope and in a header. It is narrower than RFC 5321 on purpose: forms that
// mail servers read differently (quoted local parts, comments, routes, address
// literals) are refused, because each is a way to smuggle a second address.
package address

import (
	"errors"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Lengths in bytes, of RFC 5321 section 4.5.3.1.
const (
	MaxLength = 254
	maxLocal  = 64
	maxDomain = 253
)

// The ways to be no address.
var (
	ErrEmpty  = errors.New("an address is needed, such as billing@example.com")
	ErrLength = errors.New("an address has at most 254 bytes, 64 of them before the @")
	ErrForm   = errors.New("must be one bare address such as billing@example.com, without a name, quotes, comments or spaces")
	ErrLocal  = errors.New("before the @ only letters, digits and !#$%&'*+-/=?^_`{|}~ are allowed, and single dots between them")
	ErrDomain = errors.New("behind the @ must stand a domain with at least one dot, of letters, digits and hyphens (or an international domain)")
)

// Check returns nil when s is one bare address: an ASCII local part without
// quotes, and a domain name in ASCII or in a form that IDNA turns into ASCII.
func Check(s string) error {
	if s == "" {
		return ErrEmpty
	}
	if len(s) > MaxLength {
		return ErrLength
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || !utf8.ValidString(s) || strings.Contains(domain, "@") || strings.ContainsAny(s, " \t\r\n\x00<>()[],;:\\\"") {
		return ErrForm
	}
	if len(local) > maxLocal {
		return ErrLength
	}
	if !dotAtom(local) {
		return ErrLocal
	}
	_, err := ASCIIDomain(domain)
	return err
}

// ASCIIDomain returns the form of a domain that DNS and mail servers know.
func ASCIIDomain(domain string) (string, error) {
	if domain == "" || strings.HasSuffix(domain, ".") {
		return "", ErrDomain
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(ascii) > maxDomain || !strings.Contains(ascii, ".") {
		return "", ErrDomain
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if !hostLabel(label) {
			return "", ErrDomain
		}
	}
	if allDigits(ascii[strings.LastIndexByte(ascii, '.')+1:]) {
		return "", ErrDomain // an IPv4 address, not a name
	}
	return ascii, nil
}

func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, notAtext) {
			return false
		}
	}
	return true
}

func notAtext(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return false
	default:
		return !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", c)
	}
}

func hostLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

func allDigits(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}
