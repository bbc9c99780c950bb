package endpoint

import (
	"strings"

	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

func place(owner, endpoint, field string) secret.Place {
	return secret.Place{Bucket: topology.Endpoints, Key: owner + "." + endpoint, Field: field}
}

// Place is where a signing secret of an owner's endpoint is sealed for.
func Place(owner, endpoint, secretID string) secret.Place {
	return place(owner, endpoint, "secret."+secretID)
}

// AuthPlace is where the secret of an endpoint's Auth is sealed for.
func AuthPlace(owner, endpoint string) secret.Place { return place(owner, endpoint, "auth_secret") }

// KeyPlace is where the key of an endpoint's client certificate is sealed for.
func KeyPlace(owner, endpoint string) secret.Place { return place(owner, endpoint, "client_key") }

// HeaderPlace is where the value of a secret header is sealed for.
func HeaderPlace(owner, endpoint, name string) secret.Place {
	return place(owner, endpoint, "header."+strings.ToLower(name))
}

// EachSealed calls do with everything that is sealed in the owner's endpoint
// and where it is sealed for, and keeps what do returns.
func (e *Endpoint) EachSealed(owner string, do func(secret.Place, secret.Sealed) secret.Sealed) {
	for i := range e.Secrets {
		s := &e.Secrets[i]
		s.Sealed = do(Place(owner, e.ID, s.ID), s.Sealed)
	}
	if e.AuthSecret != "" {
		e.AuthSecret = do(AuthPlace(owner, e.ID), e.AuthSecret)
	}
	if e.ClientKey != "" {
		e.ClientKey = do(KeyPlace(owner, e.ID), e.ClientKey)
	}
	for name, sealed := range e.SecretHeaders {
		e.SecretHeaders[name] = do(HeaderPlace(owner, e.ID, name), sealed)
	}
}
