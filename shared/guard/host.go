package guard

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/billhook/billhook/shared/fault"
)

// The limits of a host name in bytes of its ASCII form (RFC 1035).
const (
	maxName  = 253
	maxLabel = 63
)

// reserved are the names that never lead to the public internet, with
// everything below them: RFC 6762, the private-use domain that ICANN set apart,
// RFC 6761 (two), RFC 8375, RFC 7686 and RFC 9476. The names for tests and for
// examples are let pass: a development setup overrides them.
var reserved = []string{"local", "internal", "localhost", "invalid", "home.arpa", "onion", "alt"}

// names maps to lower case and to ASCII as browsers do, and refuses what DNS
// host names cannot hold. Hyphens in third and fourth place are let pass:
// public names have them.
var names = idna.New(
	idna.MapForLookup(),
	idna.BidiRule(),
	idna.CheckHyphens(false),
	idna.StrictDomainName(true),
	idna.Transitional(false),
)

// CheckHost judges a host name that a tenant typed and returns it in the ASCII
// form that is to be stored and dialled. It refuses IP addresses in any
// spelling, and every name that is not one of the public DNS. What the name
// leads to is judged when it is dialled, see [Policy].
func CheckHost(host string) (ascii string, problems fault.Problems) {
	if p := checkHostText(host); p != nil {
		return "", p
	}
	ascii, err := names.ToASCII(host)
	if p := checkName(ascii); p != nil {
		return "", p
	}
	if err != nil {
		return "", refuse("host.name", "is no valid host name: "+err.Error())
	}
	return ascii, nil
}

// checkHostText refuses what must not even reach the mapping of names.
func checkHostText(host string) fault.Problems {
	if host == "" {
		return refuse("host.empty", "has no host name")
	}
	if !utf8.ValidString(host) {
		return refuse("host.encoding", "host name is not valid UTF-8")
	}
	// A zone or brackets do not make an address a name.
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return refuse("host.ip", addressDetail)
	}
	for _, r := range host {
		switch {
		case r == '%':
			return refuse("host.percent", "host name must not be percent-encoded")
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return refuse("host.character", "host name holds white space or a control character")
		case strings.ContainsRune(`:/\?#@[]`, r):
			return refuse("host.character", "host name holds "+string(r)+", which no host name may")
		}
	}
	return nil
}

// checkName judges the mapped name: marks that only look like dots or digits
// are such by now.
func checkName(name string) fault.Problems {
	switch {
	case strings.HasSuffix(name, "."):
		return refuse("host.trailing_dot", "host name must not end in a dot")
	case len(name) > maxName:
		return refuse("host.length", "host name is longer than 253 bytes")
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if p := checkLabel(l); p != nil {
			return p
		}
	}
	switch {
	case isNumber(labels[len(labels)-1]):
		return refuse("host.ip", addressDetail)
	case slices.ContainsFunc(reserved, func(r string) bool { return name == r || strings.HasSuffix(name, "."+r) }):
		return refuse("host.reserved", "host name is not one of the public internet")
	case len(labels) < 2:
		return refuse("host.single_label", "host name must be a full one, such as hooks.example.com")
	}
	return nil
}

func checkLabel(l string) fault.Problems {
	switch {
	case l == "":
		return refuse("host.empty_label", "host name has two dots in a row or begins with one")
	case len(l) > maxLabel:
		return refuse("host.label_length", "a part of the host name is longer than 63 bytes")
	case l[0] == '-' || l[len(l)-1] == '-':
		return refuse("host.hyphen", "no part of a host name may begin or end with a hyphen")
	}
	for i := range len(l) {
		if c := l[i]; !isDigit(c) && c != '-' && (c < 'a' || c > 'z') {
			return refuse("host.character", "host name may hold letters, digits and hyphens only")
		}
	}
	return nil
}

// isNumber reports whether resolvers would take a name that ends in this label
// for an IPv4 address, whatever stands before: 127.1, 0x7f.1, 0177.0.0.1,
// 2130706433 (the rule of the WHATWG URL standard).
func isNumber(label string) bool {
	digits, hex := strings.CutPrefix(label, "0x")
	for i := range len(digits) {
		c := digits[i]
		if !isDigit(c) && (!hex || c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func refuse(rule, detail string) fault.Problems {
	return fault.Problems{{Rule: rule, Detail: detail}}
}

const addressDetail = "must be a host name, not an IP address"
