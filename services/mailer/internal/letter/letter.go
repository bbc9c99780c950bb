// Package letter turns a rendered mail into the exact bytes that go on the
// wire, and into its envelope. The bytes are a function of the letter alone,
// so a retry sends the same message under the same Message-ID.
package letter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/shared/fault"
)

// Address is a mailbox with its optional display name.
type Address struct {
	Name string `json:"name,omitempty"`
	Addr string `json:"addr"`
}

// Letter is one rendered mail. As JSON it is the frozen form that a retry is
// made from.
type Letter struct {
	// Key identifies the letter: delivery id and number. It makes the
	// Message-ID and the MIME boundary.
	Key string `json:"key"`
	// Date is fixed at the first rendering and the same on every retry.
	Date time.Time `json:"date"`
	From Address   `json:"from"`
	// Sender is the envelope's sender, where servers send what they could not
	// deliver; empty means From.
	Sender  string    `json:"sender,omitempty"`
	ReplyTo string    `json:"reply_to,omitempty"`
	To      []Address `json:"to,omitempty"`
	CC      []Address `json:"cc,omitempty"`
	// BCC is in the envelope only.
	BCC     []Address `json:"bcc,omitempty"`
	Subject string    `json:"subject"`
	// Text and HTML are the bodies; one may be empty, not both.
	Text string `json:"text,omitempty"`
	HTML string `json:"html,omitempty"`
	// Unsubscribe is the link by which its one recipient gets no more of these;
	// empty for a letter that is owed to whoever gets it.
	Unsubscribe string `json:"unsubscribe,omitempty"`
}

// Envelope is what is said to the SMTP server: sender, recipients, and the
// message as RFC 5322 bytes.
type Envelope struct {
	From       string
	Recipients []string
	Message    []byte
}

// File is a file that a letter carries.
type File struct {
	Name string
	// Type is the media type.
	Type string
	Data []byte
}

// Wrap is what belongs to a letter besides its content.
type Wrap struct {
	// Signer signs the letter by DKIM; nil leaves it unsigned.
	Signer *Signer
	Files  []File
}

// Seal builds the envelope of l. An address that is not one, or a letter
// without recipients or body, is an error of kind Invalid.
func Seal(l Letter, w Wrap) (Envelope, error) {
	if len(l.To)+len(l.CC)+len(l.BCC) == 0 || l.Text == "" && l.HTML == "" {
		return Envelope{}, fault.New(fault.Invalid, "build mail", l.Key, errEmpty)
	}
	l, err := onWire(l)
	if err != nil {
		return Envelope{}, fault.New(fault.Invalid, "build mail", l.Key, err)
	}
	var b writer
	b.letter(l, w.Files)
	message, err := w.Signer.sign(b.out, l.Date)
	if err != nil {
		return Envelope{}, fault.New(fault.Internal, "sign mail", l.Key, err)
	}
	return Envelope{From: cmp.Or(l.Sender, l.From.Addr), Recipients: recipients(l), Message: message}, nil
}

// onWire returns l with every address checked, and its domain in ASCII: an
// international domain then needs nothing of the server.
func onWire(l Letter) (Letter, error) {
	var err error
	if l.From.Addr, err = wire(l.From.Addr); err != nil {
		return l, err
	}
	for _, optional := range []*string{&l.ReplyTo, &l.Sender} {
		if *optional == "" {
			continue
		}
		if *optional, err = wire(*optional); err != nil {
			return l, err
		}
	}
	for _, list := range []*[]Address{&l.To, &l.CC, &l.BCC} {
		out := slices.Clone(*list)
		for i := range out {
			if out[i].Addr, err = wire(out[i].Addr); err != nil {
				return l, err
			}
		}
		*list = out
	}
	return l, nil
}

func wire(addr string) (string, error) {
	if err := address.Check(addr); err != nil {
		return "", err
	}
	local, domain, _ := strings.Cut(addr, "@")
	ascii, err := address.ASCIIDomain(domain)
	return local + "@" + ascii, err
}

// MessageID returns the deterministic Message-ID of a letter without its angle
// brackets. The right side is the sender's domain, never this host's name.
func MessageID(key, from string) string {
	domain := "localhost"
	if at := strings.LastIndexByte(from, '@'); at >= 0 {
		domain = from[at+1:]
	}
	return digest(key)[:40] + "@" + domain
}

// recipients lists every address once, in the order To, Cc, Bcc.
func recipients(l Letter) []string {
	var out []string
	seen := map[string]bool{}
	for _, list := range [][]Address{l.To, l.CC, l.BCC} {
		for _, a := range list {
			if !seen[a.Addr] {
				seen[a.Addr] = true
				out = append(out, a.Addr)
			}
		}
	}
	return out
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
