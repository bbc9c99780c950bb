package endpoint_test

import (
	"strings"
	"testing"

	"github.com/billhook/billhook/config/endpoint"
)

func TestOAuth2NamesATokenURLOfTheRulesOfAnEndpoint(t *testing.T) {
	for _, row := range []struct {
		name          string
		change        func(*endpoint.Auth)
		pointer, rule string // of the first problem, "" when legal
	}{
		{"least", func(*endpoint.Auth) {}, "", ""},
		{"everything", func(a *endpoint.Auth) { a.Scope, a.Audience, a.ClientAuth = "a b", "https://api", endpoint.InBody }, "", ""},
		{"default port", func(a *endpoint.Auth) { a.TokenURL = "https://auth.example.com:443/token" }, "", ""},
		{"no token URL", func(a *endpoint.Auth) { a.TokenURL = "" }, "/auth/token_url", "url.empty"},
		{"http", func(a *endpoint.Auth) { a.TokenURL = "http://auth.example.com/token" }, "/auth/token_url", "url.insecure"},
		{"metadata address", func(a *endpoint.Auth) { a.TokenURL = "https://169.254.169.254/token" }, "/auth/token_url", "host.ip"},
		{"mapped loopback", func(a *endpoint.Auth) { a.TokenURL = "https://[::ffff:127.0.0.1]/token" }, "/auth/token_url", "host.ip"},
		{"name inside", func(a *endpoint.Auth) { a.TokenURL = "https://auth.internal/token" }, "/auth/token_url", "host.reserved"},
		{"a query", func(a *endpoint.Auth) { a.TokenURL += "?tenant=1" }, "/auth/token_url", "url.query"},
		{"another port", func(a *endpoint.Auth) { a.TokenURL = "https://auth.example.com:8443/token" }, "/auth/token_url", "url.port"},
		{"no client", func(a *endpoint.Auth) { a.ClientID = "" }, "/auth/client_id", "text.required"},
		{"client with a line end", func(a *endpoint.Auth) { a.ClientID = "a\nb" }, "/auth/client_id", "text.control"},
		{"long scope", func(a *endpoint.Auth) { a.Scope = strings.Repeat("a", 1025) }, "/auth/scope", "text.length"},
		{"unknown place", func(a *endpoint.Auth) { a.ClientAuth = "query" }, "/auth/client_auth", "auth.client_auth"},
		{"user name of basic", func(a *endpoint.Auth) { a.Username = "u" }, "/auth/username", "auth.other"},
		{"token URL of bearer", func(a *endpoint.Auth) { *a = endpoint.Auth{Scheme: endpoint.Bearer, TokenURL: a.TokenURL} }, "/auth/token_url", "auth.other"},
		{"scope of basic", func(a *endpoint.Auth) { *a = endpoint.Auth{Scheme: endpoint.Basic, Username: "u", Scope: "x"} }, "/auth/scope", "auth.other"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := endpoint.Spec{ID: "a", Name: "A", URL: "https://hooks.example.com/", Auth: &endpoint.Auth{
				Scheme: endpoint.OAuth2, TokenURL: "https://auth.example.com/token", ClientID: "billing",
			}}
			row.change(s.Auth)
			p := s.Check()
			switch {
			case row.rule == "" && len(p) > 0:
				t.Errorf("problems = %v", p)
			case row.rule == "" && (strings.Contains(s.Auth.TokenURL, ":443") || s.Auth.ClientAuth == ""):
				t.Errorf("not in its stored form: %+v", s.Auth)
			case row.rule != "" && (len(p) == 0 || p[0].Pointer != row.pointer || p[0].Rule != row.rule):
				t.Errorf("problems = %v, want %s %s", p, row.pointer, row.rule)
			}
		})
	}
}
