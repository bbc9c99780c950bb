package smtp

import (
	"encoding/base64"
	"strings"

	"github.com/billhook/billhook/shared/secret"
)

// TLS modes of a server.
const (
	TLSMandatory     = "mandatory"
	TLSOpportunistic = "opportunistic"
	TLSImplicit      = "implicit"
	TLSNone          = "none"
)

// Server is where and as whom to send: SMTP settings with the secret opened.
type Server struct {
	// Key names these settings in this very state: owner, id and revision.
	// Connections are shared by key.
	Key      string
	Host     string
	Port     int
	Username string
	Password secret.Text
	TLS      string
	// Auth names the mechanism to log in by; empty is the strongest one that
	// is offered and takes a password.
	Auth string
	// Connections lowers the pool's greatest number of connections, PerSecond
	// is the rate of letters, Size the greatest letter in bytes; each is 0
	// where there is no such limit.
	Connections int
	PerSecond   float64
	Size        int
}

// Reply is what the server said about one recipient. Code 250 is taken.
type Reply struct {
	Address string
	Code    int
	Text    string
}

// Taken reports whether the recipient was accepted.
func (r Reply) Taken() bool { return r.Code/100 == 2 }

// Redact returns s without the password, should a server have repeated it in
// one of the forms that it was told.
func (s Server) Redact(text string) string {
	password := s.Password.Reveal()
	if password == "" {
		return text
	}
	code := base64.StdEncoding.EncodeToString
	for _, form := range []string{code([]byte("\x00" + s.Username + "\x00" + password)), code([]byte(password)), password} {
		text = strings.ReplaceAll(text, form, secret.Mask)
	}
	return text
}
