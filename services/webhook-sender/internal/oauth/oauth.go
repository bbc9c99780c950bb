// Package oauth gets the access tokens that receivers ask for, by client
// credentials (RFC 6749 section 4.4), and keeps each until shortly before its
// end. All requests of an endpoint share one token, and one request for it at a
// time. It refuses to store tokens, and to say anything in errors that a token
// server or an owner gave it.
package oauth

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/billhook/billhook/shared/secret"
)

// Settings is what a client is made from.
type Settings struct {
	// Transport makes the requests. It bounds their time, but for that of the
	// caller, and refuses the addresses that nobody may reach.
	Transport http.RoundTripper
	Now       func() time.Time
}

// Client gets tokens. It may be used by many goroutines.
type Client struct {
	now  func() time.Time
	http *http.Client
}

// New returns a client.
func New(s Settings) *Client {
	return &Client{now: s.Now, http: &http.Client{
		Transport: bounded{s.Transport},
		// A redirect would take the client's secret to another address.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Grant is what a token is asked for with.
type Grant struct {
	TokenURL, ClientID string
	Secret             secret.Text
	// Scope and Audience are sent where they are not empty.
	Scope, Audience string
	// InBody sends id and secret in the body, else by HTTP Basic.
	InBody bool
}

// Source returns the source of an endpoint's tokens. It has none yet.
func (c *Client) Source(g Grant) *Source { return &Source{client: c, grant: g} }

// The bounds of a token.
const (
	// maxToken is its greatest length; many servers take no longer header.
	maxToken = 8 << 10
	// unsaid is how long a token is kept whose end is not said, or is said to
	// have passed: some say 0 or -1 for one without an end.
	unsaid = 5 * time.Minute
	// longest is how long a token is kept at most.
	longest = 24 * time.Hour
	// margin is how long before its end a token is no longer used, if that is
	// no more than a tenth of its life.
	margin = 30 * time.Second
)

// fetch asks for a token and says how long it may be used.
func (c *Client) fetch(ctx context.Context, g Grant) (secret.Text, time.Duration, error) {
	config := clientcredentials.Config{
		ClientID: g.ClientID, ClientSecret: g.Secret.Reveal(), TokenURL: g.TokenURL,
		Scopes: strings.Fields(g.Scope), AuthStyle: oauth2.AuthStyleInHeader,
	}
	if g.InBody {
		config.AuthStyle = oauth2.AuthStyleInParams
	}
	if g.Audience != "" {
		config.EndpointParams = url.Values{"audience": {g.Audience}}
	}
	t, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, c.http))
	if err != nil {
		return secret.Text{}, 0, explain(err)
	}
	if f := check(t); f != nil {
		return secret.Text{}, 0, f
	}
	return secret.NewText(t.AccessToken), life(t), nil
}

// check refuses what cannot be sent as a bearer token, RFC 6750 section 2.1.
func check(t *oauth2.Token) error {
	notVisible := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case !strings.EqualFold(t.Type(), "Bearer"):
		return failure("the token server gives tokens of another type than bearer")
	case len(t.AccessToken) > maxToken:
		return failure("the token server gives a token of more than 8 KiB")
	case strings.ContainsFunc(t.AccessToken, notVisible):
		return failure("the token server gives a token that no header may hold")
	default:
		return nil
	}
}

// life is counted by the clock that the library made the end with.
func life(t *oauth2.Token) time.Duration {
	left := time.Until(t.Expiry)
	if t.Expiry.IsZero() || left <= 0 {
		left = unsaid
	}
	left = min(left, longest)
	return left - min(left/10, margin)
}
