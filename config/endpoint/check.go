package endpoint

import (
	"cmp"
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
	r.Join("/retry", s.Retry.Check())
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
