package guard

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/billhook/billhook/shared/fault"
)

// MaxURL is the greatest length of a base URL in characters as typed.
const MaxURL = 2048

// CheckURL judges the base URL of an endpoint that a tenant typed, and returns
// it in the form to be stored: host in ASCII, default port dropped. It is
// https with a public host name; a path is allowed, a query is not. Every
// broken rule has its own code, and all that can be told at once are returned.
func CheckURL(raw string) (*url.URL, fault.Problems) {
	if p := checkURLText(raw); p != nil {
		return nil, p
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme == "" {
		return nil, refuse("url.form", "must be a whole URL, such as https://hooks.example.com/billing")
	}
	p := checkScheme(scheme)
	rest, more := cutTail(rest)
	p = append(p, more...)
	authority, path, _ := strings.Cut(rest, "/")
	host, more := checkAuthority(authority)
	p = append(p, more...)
	if strings.Contains(rest, "/") {
		path = "/" + path
	}
	p = append(p, checkPath(path)...)
	if len(p) > 0 {
		return nil, p
	}
	return assemble(host, path)
}

func checkURLText(raw string) fault.Problems {
	switch n := utf8.RuneCountInString(raw); {
	case raw == "":
		return refuse("url.empty", "must not be empty")
	case n > MaxURL:
		return refuse("url.length", fmt.Sprintf("has %d characters; at most %d are allowed", n, MaxURL))
	case !utf8.ValidString(raw):
		return refuse("url.encoding", "is not valid UTF-8")
	}
	for _, r := range raw {
		switch {
		case unicode.IsControl(r):
			return refuse("url.control", "holds a control character")
		case unicode.IsSpace(r):
			return refuse("url.space", "holds white space")
		case r == '\\':
			return refuse("url.backslash", `holds a backslash; write /`)
		}
	}
	return nil
}

func checkScheme(scheme string) fault.Problems {
	switch strings.ToLower(scheme) {
	case "https":
		return nil
	case "http":
		return refuse("url.insecure", "http:// is not allowed; use https://")
	default:
		return refuse("url.scheme", "must begin with https://")
	}
}

// cutTail cuts off and refuses query and fragment, empty ones included.
func cutTail(rest string) (string, fault.Problems) {
	var p fault.Problems
	rest, _, found := strings.Cut(rest, "#")
	if found {
		p = append(p, refuse("url.fragment", "must have no fragment (#); it would never be sent")...)
	}
	rest, _, found = strings.Cut(rest, "?")
	if found {
		p = append(p, refuse("url.query", "must have no query (?); put values into the payload's parameters")...)
	}
	return rest, p
}

func checkAuthority(authority string) (host string, p fault.Problems) {
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		p = append(p, refuse("url.userinfo", "must hold no user or password; use the endpoint's authentication")...)
		authority = authority[i+1:]
	}
	host, port, found := cutPort(authority)
	if found && port != "443" {
		p = append(p, refuse("url.port", fmt.Sprintf("port %.10q is not allowed; only 443 is, the default of https", port))...)
	}
	host, more := CheckHost(host)
	return host, append(p, more...)
}

// cutPort cuts at the last colon behind a bracketed address, if there is one.
func cutPort(authority string) (host, port string, found bool) {
	i := strings.LastIndexByte(authority, ':')
	if i < 0 || i < strings.LastIndexByte(authority, ']') {
		return authority, "", false
	}
	return authority[:i], authority[i+1:], true
}

// assemble parses the pieces once more, so that what is stored is what the
// standard library would dial.
func assemble(host, path string) (*url.URL, fault.Problems) {
	u, err := url.Parse("https://" + host + path)
	if err != nil || u.Host != host || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, refuse("url.form", "is no valid URL")
	}
	return u, nil
}
