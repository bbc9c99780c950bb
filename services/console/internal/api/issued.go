package api

import (
	"encoding/json"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// Issued is what a change made and the answer to it shows this once.
type Issued struct {
	// Secret is a signing secret, whsec_… or whsk_….
	Secret string `json:"secret,omitempty"`
	// PublicKey is the public part of a key pair: whpk_…, or the TXT record of a
	// DKIM key.
	PublicKey string `json:"public_key,omitempty"`
}

// WithIssued returns a document with the member issued, where there is anything
// to show.
func WithIssued(document any, issued secret.Text, publicKey string) any {
	if issued.Empty() && publicKey == "" {
		return document
	}
	return withIssued{document, Issued{issued.Reveal(), publicKey}}
}

type withIssued struct {
	document any
	issued   Issued
}

// MarshalJSON writes the members of the document and issued behind them.
func (w withIssued) MarshalJSON() ([]byte, error) {
	b, err := json.Marshal(w.document)
	if err != nil || len(b) < 2 || b[len(b)-1] != '}' {
		return nil, fault.New(fault.Internal, "encode issued", "", err)
	}
	issued, err := json.Marshal(w.issued)
	if err != nil {
		return nil, err
	}
	b = b[:len(b)-1]
	if len(b) > 1 {
		b = append(b, ',')
	}
	return append(append(append(b, `"issued":`...), issued...), '}'), nil
}
