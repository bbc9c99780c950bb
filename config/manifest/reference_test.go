package manifest_test

import (
	"testing"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/shared/fault"
)

// A tenant's file applied by the operator must not be able to send a secret of
// the operator's machine to the tenant's own mail server.
func TestAFileCannotReadSecretsOfTheMachineThatAppliesIt(t *testing.T) {
	for _, field := range []string{"password_env: HOME", "password_file: /etc/hostname"} {
		doc := "kind: smtp-settings\nowner: acme\nid: relay\nname: Relay\nhost: mail.example.com\n" +
			"from_address: a@example.com\nusername: u\n" + field + "\n"
		_, err := manifest.Parse([]byte(doc), manifest.Files{})
		p := fault.ProblemsOf(err)
		if len(p) != 1 || p[0].Rule != "secret.reference" {
			t.Errorf("%s: got %v, want it refused", field, err)
		}
	}
}
