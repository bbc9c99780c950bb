package endpoint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
)

// Scheme is a way to prove who sends a request.
type Scheme string

// The schemes, and what their secret is.
//
//	basic    user name and password, RFC 7617: the password
//	bearer   Authorization: Bearer, RFC 6750: the token
//	api_key  a header of the receiver's choice: its value
//	oauth2   client credentials, RFC 6749 section 4.4: the client's secret,
//	         for which the token URL gives the tokens that are sent
const (
	Basic  Scheme = "basic"
	Bearer Scheme = "bearer"
	APIKey Scheme = "api_key"
	OAuth2 Scheme = "oauth2"
)

// Schemes lists every [Scheme].
func Schemes() []Scheme { return []Scheme{Basic, Bearer, APIKey, OAuth2} }

// ClientAuth says where a token request carries the client's id and secret,
// RFC 6749 section 2.3.1.
type ClientAuth string

// The places.
const (
	InHeader ClientAuth = "basic"
	InBody   ClientAuth = "body"
)

// ClientAuths lists every [ClientAuth].
func ClientAuths() []ClientAuth { return []ClientAuth{InHeader, InBody} }

// Auth says how requests are authenticated. The secret is kept apart.
type Auth struct {
	Scheme Scheme `json:"scheme"`
	// Username is that of [Basic].
	Username string `json:"username,omitempty"`
	// Header is the name of the header of [APIKey].
	Header string `json:"header,omitempty"`
	// The rest is that of [OAuth2]. TokenURL keeps the rules of an endpoint's
	// URL. Scope and Audience are sent where they are given; ClientAuth is
	// [InHeader] when it is not.
	TokenURL   string     `json:"token_url,omitempty"`
	ClientID   string     `json:"client_id,omitempty"`
	Scope      string     `json:"scope,omitempty"`
	Audience   string     `json:"audience,omitempty"`
	ClientAuth ClientAuth `json:"client_auth,omitempty"`
}

// Lengths in characters.
const (
	maxUsername = 256
	maxClientID = 256
	maxScope    = 1024
	// MaxAuthSecret is that of the secret of an Auth.
	MaxAuthSecret = 4096
)

func (a *Auth) check() fault.Problems {
	var r field.Report
	switch a.Scheme {
	case Basic:
		// A colon would end the name, RFC 7617 section 2.
		if a.Username == "" || strings.Contains(a.Username, ":") {
			r.Add("/username", "auth.username", "must be given, without a colon")
		}
		r.Line("/username", a.Username, maxUsername)
	case Bearer:
	case APIKey:
		r.Join("/header", guard.CheckHeader(a.Header))
	case OAuth2:
		a.checkGrant(&r)
	default:
		r.Add("/scheme", "auth.scheme", fault.OneOf(Schemes()...))
	}
	a.checkOthers(&r)
	return r.Problems()
}

func (a *Auth) checkGrant(r *field.Report) {
	u, problems := guard.CheckURL(a.TokenURL)
	if r.Join("/token_url", problems); len(problems) == 0 {
		a.TokenURL = u.String()
	}
	if a.ClientID == "" {
		r.Add("/client_id", "text.required", "must not be empty")
	}
	r.Line("/client_id", a.ClientID, maxClientID)
	r.Line("/scope", a.Scope, maxScope)
	r.Line("/audience", a.Audience, maxScope)
	a.ClientAuth = cmp.Or(a.ClientAuth, InHeader)
	if !slices.Contains(ClientAuths(), a.ClientAuth) {
		r.Add("/client_auth", "auth.client_auth", fault.OneOf(ClientAuths()...))
	}
}

// checkOthers refuses what belongs to another scheme: it would do nothing.
func (a *Auth) checkOthers(r *field.Report) {
	for _, m := range []struct {
		pointer, value string
		of             Scheme
	}{
		{"/username", a.Username, Basic},
		{"/header", a.Header, APIKey},
		{"/token_url", a.TokenURL, OAuth2},
		{"/client_id", a.ClientID, OAuth2},
		{"/scope", a.Scope, OAuth2},
		{"/audience", a.Audience, OAuth2},
		{"/client_auth", string(a.ClientAuth), OAuth2},
	} {
		if m.value != "" && a.Scheme != m.of {
			r.Add(m.pointer, "auth.other", "belongs to the scheme "+string(m.of))
		}
	}
}

// CheckAuthSecret judges a new secret.
func CheckAuthSecret(text string) fault.Problems {
	var r field.Report
	if text == "" {
		r.Add("", "text.required", "must not be empty")
	}
	r.Line("", text, MaxAuthSecret)
	return r.Problems()
}

// Moved reports whether a kept secret would go somewhere else, or as something
// else, than it was given for.
func (s *Spec) Moved(former *Spec) bool {
	return s.URL != former.URL || s.Auth != nil && former.Auth != nil && *s.Auth != *former.Auth
}
