package smtp

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/config/field"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/secret"
)

// DKIM says whose signature letters carry (RFC 6376): readers find the public
// key in the TXT record of [DKIM.Name].
type DKIM struct {
	// Domain is the domain that answers for the letters; for DMARC it is that
	// of the from address, or one above it.
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
}

// Name is the name of the TXT record with the public key.
func (d DKIM) Name() string { return d.Selector + "._domainkey." + d.Domain }

// minRSA and maxRSA are in bits: readers refuse less (RFC 8301, section 3.2),
// and the record of more does not fit what many DNS servers take.
const (
	minRSA = 1024
	maxRSA = 4096
)

// ErrKey says that a text is no key that DKIM signs with.
var ErrKey = errors.New("must be a private key in PEM, either RSA of 1024 to 4096 bits or Ed25519")

// ParseKey reads the private key of a DKIM signature: PEM with PKCS #8, or with
// PKCS #1 for RSA. Its error is [ErrKey], which tells nothing of the text.
func ParseKey(text secret.Text) (crypto.Signer, error) {
	block, rest := pem.Decode([]byte(text.Reveal()))
	if block == nil || strings.TrimSpace(string(rest)) != "" {
		return nil, ErrKey
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	if err != nil {
		return nil, ErrKey
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if bits := key.N.BitLen(); bits >= minRSA && bits <= maxRSA {
			return key, nil
		}
	case ed25519.PrivateKey:
		return key, nil
	}
	return nil, ErrKey
}

// Record is the TXT record to be published for a key of [ParseKey], as it
// stands in a zone file but for its length.
func Record(d *DKIM, key crypto.Signer) (string, error) {
	kind, public := "rsa", []byte(nil)
	if ed, ok := key.Public().(ed25519.PublicKey); ok {
		kind, public = "ed25519", ed // without the frame that RSA keys have (RFC 8463)
	} else {
		var err error
		if public, err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return "", fault.New(fault.Invalid, "encode public key", d.Name(), err)
		}
	}
	return d.Name() + ` TXT "v=DKIM1; k=` + kind + "; p=" + base64.StdEncoding.EncodeToString(public) + `"`, nil
}

// maxSelector is in bytes; the domain's own rule leaves room for it.
const maxSelector = 63

func (d *DKIM) check() fault.Problems {
	var r field.Report
	if len(d.Selector) > maxSelector || !selector.MatchString(d.Selector) {
		r.Add("/selector", "dkim.selector", "must be letters, digits and hyphens, such as 2026-11, with single dots between them, at most 63 characters")
	}
	if domain, err := address.ASCIIDomain(d.Domain); err != nil {
		r.Add("/domain", "dkim.domain", "must be a domain such as example.com")
	} else {
		d.Domain = domain
	}
	return r.Problems()
}

var selector = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
