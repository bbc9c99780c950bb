// Package id holds the one rule for identifiers: what may become a token of a
// NATS subject or of a bucket key. It refuses to invent identifiers: whoever needs
// one passes in what it is made of, a digest or random bytes.
package id

import (
	"encoding/base32"
	"io"
	"regexp"
	"strings"
)

// MaxLength is the greatest length of an identifier in bytes.
const MaxLength = 64

// Rule states, for people, what [Valid] accepts.
const Rule = "1 to 64 characters of A-Z, a-z, 0-9, _ and -"

// Installation stands where an owner's id would, in keys of buckets and in
// subjects, for what belongs to no owner. It is no identifier, so no owner can
// have it.
const Installation = "=installation"

var pattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Valid reports whether s may be used as an identifier. Dots and wildcards
// are refused because they are structure in a NATS subject, and a dot would
// make the bytes of a webhook signature ambiguous.
func Valid(s string) bool {
	return pattern.MatchString(s)
}

// Pattern returns the regular expression of what [Valid] accepts.
func Pattern() string { return pattern.String() }

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Of writes bytes, such as those of a digest, as an identifier: 16 of them as 26
// characters of a-z and 2-7.
func Of(raw []byte) string { return strings.ToLower(encoding.EncodeToString(raw)) }

// Draw returns an identifier of 16 bytes out of random ones. A source that fails
// gives one that is only less random.
func Draw(random io.Reader) string {
	var raw [16]byte
	_, _ = io.ReadFull(random, raw[:])
	return Of(raw[:])
}
