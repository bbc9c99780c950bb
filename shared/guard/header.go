package guard

import (
	"strconv"
	"strings"

	"github.com/billhook/billhook/shared/fault"
)

// MaxHeaderName is the greatest length of a header's name.
const MaxHeaderName = 64

// reservedHeaders are those that the request itself, its framing or its way
// needs; a second one, or another value, would be read differently by
// different readers.
var reservedHeaders = map[string]bool{
	"accept-encoding": true, "authorization": true, "connection": true, "content-encoding": true, "content-length": true,
	"content-type": true, "cookie": true, "date": true, "expect": true, "forwarded": true, "host": true,
	"keep-alive": true, "te": true, "trailer": true, "transfer-encoding": true, "upgrade": true,
	"user-agent": true, "via": true,
}

// reservedPrefixes begin the names of signatures, of proxies and of what
// proxies say about the sender.
var reservedPrefixes = []string{"webhook-", "billhook-", "proxy-", "sec-", "x-forwarded-"}

// CheckHeader judges the name of a header that an owner adds to requests: a
// token of RFC 9110 that is none of Billhook's own and none that steers the
// connection.
func CheckHeader(name string) fault.Problems {
	refuse := func(rule, detail string) fault.Problems {
		return fault.Problems{{Rule: rule, Detail: detail}}
	}
	switch {
	case name == "":
		return refuse("header.name", "must not be empty")
	case len(name) > MaxHeaderName:
		return refuse("header.name", "must have at most "+strconv.Itoa(MaxHeaderName)+" characters")
	case strings.ContainsFunc(name, func(r rune) bool { return !headerLetter(r) }):
		return refuse("header.name", "may hold letters, digits and !#$%&'*+-.^_`|~ only")
	}
	lower := strings.ToLower(name)
	if reservedHeaders[lower] {
		return refuse("header.reserved", name+" is set by Billhook or by the connection")
	}
	for _, p := range reservedPrefixes {
		if strings.HasPrefix(lower, p) {
			return refuse("header.reserved", "names that begin with "+p+" are reserved")
		}
	}
	return nil
}

func headerLetter(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r != 0 && strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
