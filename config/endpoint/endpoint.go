// Package endpoint is the target of webhooks: a URL, its signing secrets and
// how hard it may be pressed. It refuses to make requests.
package endpoint

import (
	"time"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/secret"
	"github.com/billhook/billhook/streams/topology"
)

// In-flight requests of one endpoint.
const (
	DefaultInFlight = 32
	MaxInFlight     = 1000
)

// Spec is what an owner writes and reads of an endpoint.
type Spec struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// URL is the base URL: https, a public host, at most 2,048 characters.
	URL string `json:"url"`
	// InFlight is the greatest number of requests at a time; [DefaultInFlight]
	// when not given.
	InFlight int `json:"in_flight,omitempty"`
	// Retry is [backoff.Default] when not given.
	Retry backoff.Schedule `json:"retry,omitempty"`
	// Disabled stops deliveries; nothing is lost by it.
	Disabled bool `json:"disabled,omitempty"`
}

// Endpoint is a stored endpoint.
type Endpoint struct {
	Spec
	// Secrets are the signing secrets, newest first. During a rotation there
	// are several, and a request is signed with each that has not ended.
	Secrets []Secret `json:"secrets"`
	// Revision counts the changes, from 1.
	Revision int `json:"revision"`
}

// Secret is one signing secret.
type Secret struct {
	// ID names the secret within its endpoint; it is part of the seal.
	ID string `json:"id"`
	// Sealed is the text "whsec_…" sealed for [Place].
	Sealed secret.Sealed `json:"sealed"`
	// Until is when the secret ends; zero while it has no end.
	Until time.Time `json:"until,omitzero"`
}

// Live returns the secrets that have not ended at a moment, newest first.
func (e *Endpoint) Live(at time.Time) []Secret {
	var live []Secret
	for _, s := range e.Secrets {
		if s.Until.IsZero() || at.Before(s.Until) {
			live = append(live, s)
		}
	}
	return live
}

// Place is where a signing secret of an owner's endpoint is sealed for.
func Place(owner, endpoint, secretID string) secret.Place {
	return secret.Place{Bucket: topology.Endpoints, Key: owner + "." + endpoint, Field: "secret." + secretID}
}
