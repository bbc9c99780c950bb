package smtp_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/mailer/internal/smtp"
	"github.com/billhook/billhook/services/mailer/internal/smtptest"
)

func TestALoginGoesByTheMechanismNamedElseByTheStrongest(t *testing.T) {
	all := []string{"XOAUTH2", "CRAM-MD5", "LOGIN", "PLAIN"}
	for _, c := range []struct {
		name, auth string
		offered    []string
		want       []string // mechanisms tried; none where there is no login
	}{
		{"strongest", "", all, []string{"PLAIN"}},
		{"the only one", "", []string{"LOGIN"}, []string{"LOGIN"}},
		{"plain", "plain", all, []string{"PLAIN"}},
		{"login", "login", all, []string{"LOGIN"}},
		{"cram-md5", "cram-md5", all, []string{"CRAM-MD5"}},
		{"an access token", "xoauth2", all, []string{"XOAUTH2"}},
		{"a password is never sent as a token", "", []string{"XOAUTH2"}, nil},
		{"the one named is not offered", "scram-sha-256", all, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := setup(t, smtptest.Script{Mechanisms: c.offered})
			b.server.Auth = c.auth
			_, err := b.pool.Send(t.Context(), b.server, envelope("a@example.com"))
			var f *smtp.Failure
			if len(c.want) > 0 && err != nil {
				t.Errorf("not sent: %v", err)
			}
			if len(c.want) == 0 && (!errors.As(err, &f) || f.Class != smtp.Settings || f.Stage != "auth") {
				t.Errorf("got %v, want a fault of the settings", err)
			}
			if diff := cmp.Diff(c.want, b.Logins()); diff != "" {
				t.Errorf("logins (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheSettingsMayHaveFewerConnections(t *testing.T) {
	b := setup(t, smtptest.Script{})
	for limit, want := range map[int]int{0: 2, 1: 1, 50: 2} {
		srv := b.server
		srv.Connections = limit
		if got := b.pool.Connections(srv); got != want {
			t.Errorf("limit %d: %d connections, want %d", limit, got, want)
		}
	}
}

func TestALetterThatIsTooLargeIsNotOffered(t *testing.T) {
	for name, c := range map[string]struct {
		script smtptest.Script
		most   int
		taken  bool
	}{
		"within the settings' limit": {most: 100, taken: true},
		"over the settings' limit":   {most: 20},
		"over the server's limit":    {script: smtptest.Script{Most: 20}},
		"the lower limit counts":     {script: smtptest.Script{Most: 20}, most: 100},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			c.script.Mail = func(string) error { asked = true; return nil }
			b := setup(t, c.script)
			b.server.Size = c.most
			_, err := b.pool.Send(t.Context(), b.server, envelope("a@example.com"))
			var f *smtp.Failure
			if c.taken {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if !errors.As(err, &f) || f.Class != smtp.Permanent || f.Stage != "size" || asked {
				t.Errorf("got %v, asked is %v", err, asked)
			}
		})
	}
}
