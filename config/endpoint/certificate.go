package endpoint

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strconv"
	"strings"
	"time"

	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// The limits of a client certificate. A key longer than MaxRSABits takes the
// sender's processor too long in every handshake, and receivers refuse it.
const (
	// MaxPEM is that of the certificates together, and of the key, in bytes.
	MaxPEM     = 32 << 10
	MaxChain   = 10
	MinRSABits = 2048
	MaxRSABits = 8192
)

// checkCertificate brings the certificates into their stored form, without the
// comments between them.
func (s *Spec) checkCertificate() fault.Problems {
	if s.ClientCertificate == "" {
		return nil
	}
	chain, problems := parseChain(s.ClientCertificate)
	if len(problems) > 0 {
		return problems
	}
	var b strings.Builder
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a builder takes everything
	}
	s.ClientCertificate = b.String()
	return nil
}

// CheckIdentity judges a client certificate on its key and on the moment at
// which it is given. The pointers are those of a [Document].
func (s *Spec) CheckIdentity(key secret.Text, at time.Time) fault.Problems {
	var r field.Report
	chain, problems := parseChain(s.ClientCertificate)
	if r.Join("/client_certificate", problems); len(problems) > 0 {
		return r.Problems()
	}
	if leaf := chain[0]; !at.Before(leaf.NotAfter) {
		r.Add("/client_certificate", "certificate.expired", "the certificate expired at "+leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	_, problems = parseKey(key, chain[0])
	r.Join("/client_key", problems)
	return r.Problems()
}

// Identity returns what requests show in the TLS handshake. It is for an
// endpoint with a client certificate, whose key was opened from [KeyPlace]. The
// error is [fault.Problems].
func (s *Spec) Identity(key secret.Text) (*tls.Certificate, error) {
	chain, problems := parseChain(s.ClientCertificate)
	if len(problems) > 0 {
		return nil, problems
	}
	signer, problems := parseKey(key, chain[0])
	if len(problems) > 0 {
		return nil, problems
	}
	c := &tls.Certificate{PrivateKey: signer, Leaf: chain[0]}
	for _, link := range chain {
		c.Certificate = append(c.Certificate, link.Raw)
	}
	return c, nil
}

// parseChain reads certificates, the client's own first.
func parseChain(text string) ([]*x509.Certificate, fault.Problems) {
	refuse := func(rule, detail string) ([]*x509.Certificate, fault.Problems) {
		return nil, fault.Problems{{Rule: rule, Detail: detail}}
	}
	if len(text) > MaxPEM {
		return refuse("certificate.length", "must have at most "+strconv.Itoa(MaxPEM)+" bytes")
	}
	var chain []*x509.Certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			// What is left would be dropped without a word: a block that is torn.
			if bytes.Contains(rest, []byte("-----BEGIN")) {
				return refuse("certificate.form", "holds a PEM block that is not whole")
			}
			break
		}
		if block.Type != "CERTIFICATE" {
			return refuse("certificate.form", "must hold certificates only; the key belongs into client_key")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return refuse("certificate.form", "certificate "+strconv.Itoa(len(chain)+1)+" cannot be read")
		}
		chain = append(chain, c)
	}
	switch {
	case len(chain) == 0:
		return refuse("certificate.form", "must be a certificate in PEM, -----BEGIN CERTIFICATE-----")
	case len(chain) > MaxChain:
		return refuse("certificate.length", "must hold at most "+strconv.Itoa(MaxChain)+" certificates")
	case !usable(chain[0].PublicKey):
		return refuse("certificate.key", "must be for an RSA key of "+strconv.Itoa(MinRSABits)+" to "+strconv.Itoa(MaxRSABits)+
			" bits, an ECDSA key or an Ed25519 key")
	}
	return chain, nil
}

func usable(key crypto.PublicKey) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() >= MinRSABits && key.N.BitLen() <= MaxRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	default:
		return false
	}
}

// parseKey reads the key of a certificate. What it says holds nothing of it.
func parseKey(text secret.Text, leaf *x509.Certificate) (crypto.Signer, fault.Problems) {
	refuse := func(rule, detail string) (crypto.Signer, fault.Problems) {
		return nil, fault.Problems{{Rule: rule, Detail: detail}}
	}
	if len(text.Reveal()) > MaxPEM {
		return refuse("client_key.length", "must have at most "+strconv.Itoa(MaxPEM)+" bytes")
	}
	signer := decodeKey([]byte(text.Reveal()))
	if signer == nil {
		return refuse("client_key.form", "must be a private key in PEM without a password: PKCS #8, PKCS #1 or SEC 1")
	}
	// Every public key of the standard library compares itself.
	if own, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !own.Equal(leaf.PublicKey) {
		return refuse("client_key.other", "is not the key of the first certificate of client_certificate")
	}
	return signer, nil
}

// decodeKey returns the first private key of a PEM text, nil where there is
// none.
func decodeKey(text []byte) crypto.Signer {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // such as the parameters that come before an EC key
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil
		}
		return signer
	}
}
