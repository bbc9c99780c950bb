// Package letter turns a rendered mail into the exact bytes that go on the
// wire, and into its envelope. The bytes are a function of the letter alone,
// so a retry sends the same message under the same Message-ID.
package letter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/billhook/billhook/config/address"
	"github.com/billhook/billhook/shared/fault"
)

// Address is a mailbox with its optional display name.
type Address struct {
	Name string `json:"name,omitempty"`
	Addr string `json:"addr"`
}

// Letter is one rendered mail.
type Letter struct {
	// Key identifies the letter: delivery id and number. It makes the
	// Message-ID and the MIME boundary.
	Key string
	// Date is fixed at the first rendering and the same on every retry.
	Date    time.Time
	From    Address
	ReplyTo string
	To, CC  []Address
	// BCC is in the envelope only.
	BCC     []Address
	Subject string
	// Text and HTML are the bodies; one may be empty, not both.
	Text, HTML string
}

// Envelope is what is said to the SMTP server: sender, recipients, and the
// message as RFC 5322 bytes. It is the frozen form that a retry sends again.
type Envelope struct {
	From       string   `json:"from"`
	Recipients []string `json:"recipients"`
	Message    []byte   `json:"message"`
}

// Seal builds the envelope of l. An address that is not one, or a letter
// without recipients or body, is an error of kind Invalid.
func Seal(l Letter) (Envelope, error) {
	if len(l.To)+len(l.CC)+len(l.BCC) == 0 || l.Text == "" && l.HTML == "" {
		return Envelope{}, fault.New(fault.Invalid, "build mail", l.Key, errEmpty)
	}
	l, err := onWire(l)
	if err != nil {
		return Envelope{}, fault.New(fault.Invalid, "build mail", l.Key, err)
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	if err := head(m, l); err != nil {
		return Envelope{}, fault.New(fault.Invalid, "build mail", l.Key, err)
	}
	body(m, l)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return Envelope{}, fault.New(fault.Internal, "build mail", l.Key, err)
	}
	return Envelope{From: l.From.Addr, Recipients: recipients(l), Message: b.Bytes()}, nil
}

// onWire returns l with every address checked, and its domain in ASCII: an
// international domain then needs nothing of the server.
func onWire(l Letter) (Letter, error) {
	var err error
	if l.From.Addr, err = wire(l.From.Addr); err != nil {
		return l, err
	}
	if l.ReplyTo != "" {
		if l.ReplyTo, err = wire(l.ReplyTo); err != nil {
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

// head sets every header. Values are made one line first: no value may start
// another header.
func head(m *gomail.Msg, l Letter) error {
	if err := m.FromFormat(oneLine(l.From.Name), l.From.Addr); err != nil {
		return err
	}
	for _, a := range l.To {
		if err := m.AddToFormat(oneLine(a.Name), a.Addr); err != nil {
			return err
		}
	}
	for _, a := range l.CC {
		if err := m.AddCcFormat(oneLine(a.Name), a.Addr); err != nil {
			return err
		}
	}
	if l.ReplyTo != "" {
		if err := m.ReplyTo(l.ReplyTo); err != nil {
			return err
		}
	}
	m.Subject(oneLine(l.Subject))
	m.SetDateWithValue(l.Date)
	m.SetMessageIDWithValue(MessageID(l.Key, l.From.Addr))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	return nil
}

// body sets the parts: text first, so that a reader takes the richest it can
// show (RFC 2046, 5.1.4).
func body(m *gomail.Msg, l Letter) {
	m.SetBoundary("bh-" + digest(l.Key)[:32])
	switch {
	case l.Text == "":
		m.SetBodyString(gomail.TypeTextHTML, l.HTML)
	case l.HTML == "":
		m.SetBodyString(gomail.TypeTextPlain, l.Text)
	default:
		m.SetBodyString(gomail.TypeTextPlain, l.Text)
		m.AddAlternativeString(gomail.TypeTextHTML, l.HTML)
	}
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

// oneLine replaces every control character by a space: a header value never
// ends its line.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s))
}
