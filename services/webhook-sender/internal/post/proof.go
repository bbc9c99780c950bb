package post

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
)

// Proof is how an endpoint's requests prove who sends them, beside their
// signature. It is shared and never changed.
type Proof struct {
	// Lines are header lines of the endpoint: names that do not repeat one
	// another. Nothing that is added to the request can replace them.
	Lines [][2]string
	// Tokens gives the bearer token that goes with them; nil where none does.
	Tokens Tokens
	// Identity is shown in the TLS handshake; nil where none is.
	Identity *Identity
	// Secrets are texts that the kept part of an answer must not show: some
	// receivers repeat what they were sent.
	Secrets []string
}

// Tokens gives access tokens. Its errors are in words for the endpoint's owner
// and hold nothing secret; their [guard.Detail] is for the operator.
type Tokens interface {
	// Token returns a token in force.
	Token(ctx context.Context) (secret.Text, error)
	// Renew returns one in the place of a token that the receiver refused; the
	// same where there is no use in another.
	Renew(ctx context.Context, refused secret.Text) (secret.Text, error)
}

// prove makes the request with its token, and once more where the receiver
// refuses that token.
func (c *Client) prove(ctx context.Context, r Request) Answer {
	if r.Proof == nil || r.Proof.Tokens == nil {
		return c.exchange(ctx, r)
	}
	token, err := r.Proof.Tokens.Token(ctx)
	if err != nil {
		return tokenless(err)
	}
	a := c.exchange(ctx, r.bearing(token))
	if a.Status != http.StatusUnauthorized {
		return a
	}
	other, err := r.Proof.Tokens.Renew(ctx, token)
	if err != nil {
		return tokenless(err)
	}
	if other.Equal(token) {
		return a
	}
	return c.exchange(ctx, r.bearing(other))
}

func tokenless(err error) Answer {
	return Answer{Reason: OAuthToken, Detail: err.Error(), Refused: guard.Detail(err)}
}

// bearing returns the request with a token.
func (r Request) bearing(token secret.Text) Request {
	p := *r.Proof
	p.Lines = append(slices.Clip(p.Lines), [2]string{"Authorization", "Bearer " + token.Reveal()})
	p.Secrets = append(slices.Clip(p.Secrets), token.Reveal())
	r.Proof = &p
	return r
}

// write puts the lines into a header, in the place of any that is there.
func (p *Proof) write(h http.Header) {
	if p == nil {
		return
	}
	for _, line := range p.Lines {
		maps.DeleteFunc(h, func(k string, _ []string) bool { return strings.EqualFold(k, line[0]) })
		h[line[0]] = []string{line[1]}
	}
}

// leastSecret is the length from which on a secret is looked for in an answer:
// a shorter one is found in every other word.
const leastSecret = 4

// mask replaces the secrets in the first part of an answer; cut says that there
// was more of it, so that a secret may be cut as well.
func (p *Proof) mask(text string, cut bool) string {
	if p == nil {
		return text
	}
	for _, s := range p.Secrets {
		if len(s) >= leastSecret {
			text = strings.ReplaceAll(text, s, secret.Mask)
		}
	}
	if !cut {
		return text
	}
	for _, s := range p.Secrets {
		for n := min(len(s)-1, len(text)); n >= leastSecret; n-- {
			if strings.HasSuffix(text, s[:n]) {
				text = text[:len(text)-n] + secret.Mask
				break
			}
		}
	}
	return text
}
