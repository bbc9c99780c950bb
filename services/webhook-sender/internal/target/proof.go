package target

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/services/webhook-sender/internal/oauth"
	"github.com/billhook/billhook/services/webhook-sender/internal/post"
	"github.com/billhook/billhook/shared/secret"
)

// proof opens what an endpoint proves itself with.
func (b *Book) proof(owner string, ep *endpoint.Endpoint) (*post.Proof, error) {
	p := &post.Proof{}
	for _, h := range ep.Headers {
		value := h.Value
		if h.Secret {
			var err error
			place := endpoint.HeaderPlace(owner, ep.ID, h.Name)
			if value, err = b.settings.Sealer.Open(place, ep.SecretHeaders[strings.ToLower(h.Name)]); err != nil {
				return nil, err
			}
			p.Secrets = append(p.Secrets, value.Reveal())
		}
		p.Lines = append(p.Lines, [2]string{h.Name, value.Reveal()})
	}
	if ep.Auth != nil {
		text, err := b.settings.Sealer.Open(endpoint.AuthPlace(owner, ep.ID), ep.AuthSecret)
		if err != nil {
			return nil, err
		}
		b.authorize(p, ep.Auth, text)
	}
	if ep.ClientCertificate != "" {
		key, err := b.settings.Sealer.Open(endpoint.KeyPlace(owner, ep.ID), ep.ClientKey)
		if err != nil {
			return nil, err
		}
		certificate, err := ep.Identity(key)
		if err != nil {
			return nil, err
		}
		p.Identity = &post.Identity{Endpoint: owner + "/" + ep.ID, Certificate: certificate}
	}
	// A secret that is a part of another is looked for after it.
	slices.SortFunc(p.Secrets, func(a, b string) int { return len(b) - len(a) })
	return p, nil
}

// authorize adds the credential of an auth.
func (b *Book) authorize(p *post.Proof, a *endpoint.Auth, text secret.Text) {
	const authorization = "Authorization"
	plain := text.Reveal()
	p.Secrets = append(p.Secrets, plain)
	switch a.Scheme {
	case endpoint.Basic:
		pair := base64.StdEncoding.EncodeToString([]byte(a.Username + ":" + plain))
		p.Secrets = append(p.Secrets, pair)
		p.Lines = append(p.Lines, [2]string{authorization, "Basic " + pair})
	case endpoint.Bearer:
		p.Lines = append(p.Lines, [2]string{authorization, "Bearer " + plain})
	case endpoint.APIKey:
		p.Lines = append(p.Lines, [2]string{a.Header, plain})
	case endpoint.OAuth2:
		p.Tokens = b.settings.Tokens.Source(oauth.Grant{
			TokenURL: a.TokenURL, ClientID: a.ClientID, Secret: text, Scope: a.Scope, Audience: a.Audience,
			InBody: a.ClientAuth == endpoint.InBody,
		})
	}
}
