package letter

import (
	"bytes"
	"crypto"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Signer signs letters by DKIM (RFC 6376), relaxed in header and body: relays
// that fold lines anew break no signature. A nil Signer signs nothing. It may be
// used by many goroutines.
type Signer struct {
	domain, selector string
	key              crypto.Signer
}

// NewSigner returns a signer for the domain whose public key stands under the
// selector. The key is RSA or Ed25519.
func NewSigner(domain, selector string, key crypto.Signer) *Signer {
	return &Signer{domain: domain, selector: selector, key: key}
}

// signed are the headers that are signed. Those a letter may lack are named
// too: nobody can add them later.
func signed() []string {
	return []string{
		"From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type",
		"Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post",
	}
}

// sign returns the message with its signature in front. The moment of the
// signature is that of the letter, so that a retry has the same bytes.
func (s *Signer) sign(message []byte, at time.Time) ([]byte, error) {
	if s == nil {
		return message, nil
	}
	d := gomail.NewDKIMSigner(s.domain, s.selector, s.key)
	d.HeaderCanonicalization(gomail.CanonicalizationRelaxed)
	d.BodyCanonicalization(gomail.CanonicalizationRelaxed)
	d.SignHeaders(signed()...)
	d.OversignHeaders("From", "Subject", "To", "List-Unsubscribe", "List-Unsubscribe-Post")
	d.NowFunc = func() time.Time { return at }
	head, body, _ := bytes.Cut(message, []byte("\r\n\r\n"))
	signature, err := d.Sign(append(bytes.Clone(head), "\r\n"...), body)
	if err != nil {
		return nil, err
	}
	return append(refold(signature), message...), nil
}

// maxSigned is the length in bytes of a line of the signature itself.
const maxSigned = 72

// refold folds the header of a signature between its tags and within the
// signature only. go-mail also folds in the middle of a long list of headers,
// where readers see a space that was not signed.
func refold(header string) []byte {
	line := strings.ReplaceAll(strings.TrimSuffix(header, "\r\n"), "\r\n ", "")
	tags, signature, _ := strings.Cut(line, "; b=")
	out := []byte(strings.ReplaceAll(tags, "; ", ";\r\n ") + ";\r\n b=")
	for i, part := range slices.Collect(slices.Chunk([]byte(signature), maxSigned)) {
		if i > 0 {
			out = append(out, "\r\n "...)
		}
		out = append(out, part...)
	}
	return append(out, "\r\n"...)
}
