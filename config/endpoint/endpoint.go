// Package endpoint is the target of webhooks: a URL, its signing secrets and
// how hard it may be pressed. It refuses to make requests.
package endpoint

import (
	"time"

	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/secret"
)

// In-flight requests of one endpoint.
const (
	DefaultInFlight = 32
	MaxInFlight     = 1000
)

// The bounds of a rate limit, in requests a second.
const (
	MinRate = 0.1
	MaxRate = 10_000
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
	// RateLimit is the greatest number of requests a second, from [MinRate] to
	// [MaxRate]; none when not given. While several instances run, each takes
	// an equal part of it.
	RateLimit float64 `json:"rate_limit,omitempty"`
	// Retry is [backoff.Default] when not given.
	Retry backoff.Schedule `json:"retry,omitempty"`
	// Auth is how requests prove who sends them, beside their signature, which
	// they always carry; nil for the signature alone.
	Auth *Auth `json:"auth,omitempty"`
	// ClientCertificate is what requests show in the TLS handshake: PEM, the
	// client's certificate first, then those that lead to its authority. Empty
	// where they show none.
	ClientCertificate string `json:"client_certificate,omitempty"`
	// Headers are added to every request.
	Headers []Header `json:"headers,omitempty"`
	// Asymmetric adds an ed25519 signature (v1a), which receivers verify with a
	// public key, to the one that every request carries (v1).
	Asymmetric bool `json:"asymmetric,omitempty"`
	// Disabled stops deliveries; nothing is lost by it.
	Disabled bool `json:"disabled,omitempty"`
}

// Document is a [Spec] as it is saved: with secrets, which no reading gives
// back. Nil keeps a stored one.
type Document struct {
	Spec
	// AuthSecret is the secret of Auth.
	AuthSecret *secret.Text `json:"auth_secret,omitempty"`
	// ClientKey is the private key of ClientCertificate, PEM.
	ClientKey *secret.Text `json:"client_key,omitempty"`
}

// Endpoint is a stored endpoint.
type Endpoint struct {
	Spec
	// Secrets are the signing secrets, newest first. During a rotation there
	// are several, and a request is signed with each that has not ended.
	Secrets []Secret `json:"secrets"`
	// AuthSecret is sealed for [AuthPlace]; empty without Auth.
	AuthSecret secret.Sealed `json:"sealed_auth_secret,omitempty"`
	// ClientKey is sealed for [KeyPlace]; empty without ClientCertificate.
	ClientKey secret.Sealed `json:"sealed_client_key,omitempty"`
	// SecretHeaders are the values of the secret headers, by their names in
	// lower case, sealed for [HeaderPlace].
	SecretHeaders map[string]secret.Sealed `json:"sealed_headers,omitempty"`
	// Revision counts the changes, from 1.
	Revision int `json:"revision"`
}

// The bounds of a rotation.
const (
	// MaxOverlap is how long a former signing secret may go on.
	MaxOverlap = 30 * 24 * time.Hour
	// MaxSecrets is how many of a kind there may be at a time: each is one more
	// signature in every request.
	MaxSecrets = 4
)

// Secret is one signing secret.
type Secret struct {
	// ID names the secret within its endpoint; it is part of the seal.
	ID string `json:"id"`
	// Sealed is the text "whsec_…" or "whsk_…" sealed for [Place].
	Sealed secret.Sealed `json:"sealed"`
	// Public is the public key "whpk_…" of an asymmetric secret, else empty.
	Public string `json:"public,omitempty"`
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
