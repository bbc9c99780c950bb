package smtp

import (
	"crypto/tls"
	"slices"
	"strings"

	client "github.com/wneessen/go-mail/smtp"
)

// login authenticates when the settings name a user. The password never
// crosses a connection without TLS.
func login(c *client.Client, srv Server) error {
	if srv.Username == "" {
		return nil
	}
	state, ok := c.TLSConnectionState()
	if !ok {
		return &Failure{Class: Settings, Stage: "auth", Err: errClearAuth}
	}
	ok, offered := c.Extension("AUTH")
	if !ok {
		return &Failure{Class: Settings, Stage: "auth", Err: errNoAuth}
	}
	auth := choose(strings.Fields(strings.ToLower(offered)), srv, &state)
	if auth == nil {
		return &Failure{Class: Settings, Stage: "auth", Err: errNoMechanism}
	}
	if err := c.Auth(auth); err != nil {
		return fail("auth", Settings, err)
	}
	return nil
}

// mechanism is a way to log in, by its registered name in lower case.
type mechanism struct {
	name string
	make func(srv Server, state *tls.ConnectionState) client.Auth
}

// mechanisms are all that are known, the strongest first. Those that are taken
// by name only stand last.
func mechanisms() []mechanism {
	plus := func(auth func(string, string, *tls.ConnectionState) client.Auth) func(Server, *tls.ConnectionState) client.Auth {
		return func(s Server, state *tls.ConnectionState) client.Auth {
			return auth(s.Username, s.Password.Reveal(), state)
		}
	}
	pair := func(auth func(string, string) client.Auth) func(Server, *tls.ConnectionState) client.Auth {
		return func(s Server, _ *tls.ConnectionState) client.Auth { return auth(s.Username, s.Password.Reveal()) }
	}
	return []mechanism{
		{"scram-sha-256-plus", plus(client.ScramSHA256PlusAuth)},
		{"scram-sha-256", pair(client.ScramSHA256Auth)},
		{"scram-sha-1-plus", plus(client.ScramSHA1PlusAuth)},
		{"scram-sha-1", pair(client.ScramSHA1Auth)},
		{"plain", func(s Server, _ *tls.ConnectionState) client.Auth {
			return client.PlainAuth("", s.Username, s.Password.Reveal(), s.Host, false)
		}},
		{"login", func(s Server, _ *tls.ConnectionState) client.Auth {
			return client.LoginAuth(s.Username, s.Password.Reveal(), s.Host, false)
		}},
		{"cram-md5", pair(client.CRAMMD5Auth)},
		{xoauth2, pair(client.XOAuth2Auth)},
	}
}

// xoauth2 takes an access token in place of the password, so it is never
// chosen but by name.
const xoauth2 = "xoauth2"

// choose picks the mechanism that the settings name, else the strongest, among
// those offered; nil when there is none.
func choose(offered []string, srv Server, state *tls.ConnectionState) client.Auth {
	for _, m := range mechanisms() {
		wanted := srv.Auth == m.name || srv.Auth == "" && m.name != xoauth2
		if wanted && slices.Contains(offered, m.name) {
			return m.make(srv, state)
		}
	}
	return nil
}
