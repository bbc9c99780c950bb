// Package link makes the connection to NATS that a service lives on: one that
// reconnects for ever and logs what the server tells it, above all denied
// permissions, which otherwise show as time-outs only. It refuses to create
// anything on the server.
package link

import (
	"net/url"
	"slices"
	"strings"

	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/shared/secret"
)

// Settings say where the server is and who connects. At most one of the ways
// to authenticate is used: credentials file, token, or user with password.
type Settings struct {
	URL       string      `env:"NATS_URL" envDefault:"nats://127.0.0.1:4222" doc:"address of the NATS server; several with commas between"`
	CredsFile string      `env:"NATS_CREDS_FILE" doc:"path of a NATS credentials file (JWT and seed)"`
	User      string      `env:"NATS_USER" doc:"NATS user"`
	Password  secret.Text `env:"NATS_PASSWORD" doc:"password of the NATS user"`
	Token     secret.Text `env:"NATS_TOKEN" doc:"NATS token, in place of user and password"`
	CAFile    string      `env:"NATS_CA_FILE" doc:"path of the PEM file of the authority that signed the server's certificate; empty: the system's"`
	CertFile  string      `env:"NATS_CERT_FILE" doc:"path of the client's PEM certificate for mutual TLS"`
	KeyFile   string      `env:"NATS_KEY_FILE" doc:"path of the PEM key of that certificate"`
	Name      string      `env:"NATS_NAME" doc:"name of the connection in the server's reports; empty: the service's"`
}

// Check returns every setting that breaks a rule, by its environment name.
func (s *Settings) Check() fault.Problems {
	var badURLs fault.Problems
	for server := range strings.SplitSeq(s.URL, ",") {
		badURLs = append(badURLs, process.RefuseIf(!names(strings.TrimSpace(server)), "NATS_URL",
			"must name a server such as nats://127.0.0.1:4222 or tls://nats.example.com, several with commas between")...)
	}
	ways := 0
	for _, used := range []bool{s.CredsFile != "", s.User != "", !s.Token.Empty()} {
		if used {
			ways++
		}
	}
	return slices.Concat(
		badURLs,
		process.RefuseIf(s.User == "" && !s.Password.Empty(), "NATS_PASSWORD", "is set without NATS_USER"),
		process.RefuseIf((s.CertFile == "") != (s.KeyFile == ""), "NATS_CERT_FILE", "and NATS_KEY_FILE are set one without the other"),
		process.RefuseIf(ways > 1, "NATS_USER", "and NATS_TOKEN and NATS_CREDS_FILE exclude each other"),
	)
}

// names reports whether a text names a server. The client takes the one on this
// machine where it does not.
func names(server string) bool {
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	return err == nil && u.Hostname() != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)
}
