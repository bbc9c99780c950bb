package endpoint

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/backoff"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret"
)

// Check brings s into its stored form, with its defaults, and returns the
// rules it breaks.
func (s *Spec) Check() fault.Problems {
	s.InFlight = cmp.Or(s.InFlight, DefaultInFlight)
	if s.Retry == nil {
		s.Retry = backoff.Default()
	}
	var r field.Report
	r.ID("/id", s.ID)
	r.Name("/name", s.Name)
	u, problems := guard.CheckURL(s.URL)
	if r.Join("/url", problems); len(problems) == 0 {
		s.URL = u.String()
	}
	r.Range("/in_flight", int64(s.InFlight), 1, MaxInFlight)
	if s.RateLimit != 0 && (s.RateLimit < MinRate || s.RateLimit > MaxRate) {
		r.Add("/rate_limit", "number.range", "must be from 0.1 to 10,000 requests a second, or left out for no limit")
	}
	r.Join("/retry", s.Retry.Check())
	if s.Auth != nil {
		r.Join("/auth", s.Auth.check())
	}
	r.Join("/client_certificate", s.checkCertificate())
	s.checkHeaders(&r)
	return r.Problems()
}

// secretBytes is the length of a signing secret; Standard Webhooks asks for 24
// to 64.
const secretBytes = 32

// NewSigningSecret draws a secret from rand, in the form of Standard Webhooks:
// "whsec_" and base64.
func NewSigningSecret(rand io.Reader) (secret.Text, error) {
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return secret.Text{}, fmt.Errorf("draw signing secret: %w", err)
	}
	return secret.NewText("whsec_" + base64.StdEncoding.EncodeToString(raw)), nil
}

// NewKeyPair draws an ed25519 key pair from rand, in the forms of Standard
// Webhooks: the secret "whsk_" and base64, the public key "whpk_" and base64.
func NewKeyPair(rand io.Reader) (private secret.Text, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand)
	if err != nil {
		return secret.Text{}, "", fmt.Errorf("draw key pair: %w", err)
	}
	encode := base64.StdEncoding.EncodeToString
	return secret.NewText("whsk_" + encode(priv)), "whpk_" + encode(pub), nil
}
