package address_test

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/address"
)

func TestAddresses(t *testing.T) {
	long := strings.Repeat("a", 63)
	for s, want := range map[string]error{
		"billing@example.com":                      nil,
		"first.last+tag@mail.example.co.uk":        nil,
		"o'brien@example.com":                      nil,
		"a!#$%&'*+-/=?^_`{|}~b@example.com":        nil,
		"x@bücher.example":                         nil,
		"x@xn--bcher-kva.example":                  nil,
		"x@1and1.com":                              nil,
		"x@EXAMPLE.com":                            nil,
		strings.Repeat("a", 64) + "@example.com":   nil,
		"":                                         address.ErrEmpty,
		strings.Repeat("a", 65) + "@example.com":   address.ErrLength,
		"a@" + strings.Repeat(long+".", 4) + "com": address.ErrLength,
		"plain":                                 address.ErrForm,
		"a@b@example.com":                       address.ErrForm,
		"Name <a@example.com>":                  address.ErrForm,
		"<a@example.com>":                       address.ErrForm,
		`"a b"@example.com`:                     address.ErrForm,
		`"a"@example.com`:                       address.ErrForm,
		"a(comment)@example.com":                address.ErrForm,
		"a@example.com, b@example.com":          address.ErrForm,
		"a@example.com;b":                       address.ErrForm,
		"a@example.com\r\nBcc: b@example.com":   address.ErrForm,
		"a@example.com\n":                       address.ErrForm,
		"a\x00@example.com":                     address.ErrForm,
		"a @example.com":                        address.ErrForm,
		`a\@example.com`:                        address.ErrForm,
		"@relay.example,:a@example.com":         address.ErrForm,
		"a@[192.0.2.1]":                         address.ErrForm,
		"a@[IPv6:2001:db8::1]":                  address.ErrForm,
		"@example.com":                          address.ErrLocal,
		".a@example.com":                        address.ErrLocal,
		"a.@example.com":                        address.ErrLocal,
		"a..b@example.com":                      address.ErrLocal,
		"ä@example.com":                         address.ErrLocal,
		"a\u2028@example.com":                   address.ErrLocal,
		"=?utf-8?q?a?=\u00a0@example.com":       address.ErrLocal,
		"a@":                                    address.ErrDomain,
		"a@localhost":                           address.ErrDomain,
		"a@example.com.":                        address.ErrDomain,
		"a@.example.com":                        address.ErrDomain,
		"a@exa..mple.com":                       address.ErrDomain,
		"a@-example.com":                        address.ErrDomain,
		"a@example-.com":                        address.ErrDomain,
		"a@exa_mple.com":                        address.ErrDomain,
		"a@192.0.2.1":                           address.ErrDomain,
		"a@" + strings.Repeat("a", 64) + ".com": address.ErrDomain,
		"a@exam\u200dple.com":                   address.ErrDomain,
		"a@example.com\u202e":                   address.ErrDomain,
		"a@xn--a.example":                       address.ErrDomain,
		"a@example.\xff":                        address.ErrForm,
	} {
		if err := address.Check(s); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", s, err, want)
		}
	}
}

// FuzzCheck holds that what is accepted is one address to the standard
// library too, and nothing that ends a line.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{"a@example.com", "a@bücher.example", "a@b@c.d", "a\r\n@b.c", `"a"@b.c`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if address.Check(s) != nil {
			return
		}
		parsed, err := mail.ParseAddress(s)
		if err != nil || parsed.Name != "" || strings.ContainsAny(s, "\r\n\x00 ,;<>") {
			t.Fatalf("accepted %q: %+v, %v", s, parsed, err)
		}
		_, domain, _ := strings.Cut(s, "@")
		ascii, err := address.ASCIIDomain(domain)
		if err != nil || strings.ContainsFunc(ascii, func(c rune) bool { return c > 0x7e || c <= ' ' }) {
			t.Fatalf("domain of %q is %q, %v", s, ascii, err)
		}
	})
}
