package manifest_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/shared/fault"
)

const secretive = `kind: owner
id: acme
name: Acme
---
kind: endpoint
owner: acme
id: partner
name: Partner
url: https://hooks.example.com/
auth: {scheme: oauth2, token_url: "https://auth.example.com/token", client_id: billing}
auth_secret_env: OAUTH
client_certificate_file: cert.pem
client_key_env: KEY
headers:
  - {name: X-Open, value: shown}
  - {name: X-Secret, value_env: LINE, secret: true}
`

func TestSecretsOfAnEndpointComeFromOutsideOfTheFileAndAreNotShown(t *testing.T) {
	s := start(t)
	id := identitytest.New(t, "billing")
	outside := map[string]string{"OAUTH": "canary-secret", "KEY": id.Key, "LINE": "canary-line"}
	options := manifest.Options{Files: manifest.Files{
		Env:  func(name string) (string, bool) { v, ok := outside[name]; return v, ok },
		File: func(path string) ([]byte, error) { return []byte(id.Certificate), nil },
	}}
	items, err := manifest.Apply(t.Context(), s, []byte(secretive), options)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, f := range items[1].Fields {
		shown[f.Pointer] = f.After
		if strings.Contains(f.After, "canary") || strings.Contains(f.After, "PRIVATE KEY") {
			t.Errorf("%s shows %s", f.Pointer, f.After)
		}
	}
	for _, pointer := range []string{"/auth_secret", "/client_key", "/headers/1/value"} {
		if shown[pointer] != "[secret]" {
			t.Errorf("%s is shown as %q", pointer, shown[pointer])
		}
	}
	if shown["/headers/0/value"] != `"shown"` || !strings.Contains(shown["/client_certificate"], "BEGIN CERTIFICATE") {
		t.Errorf("shown: %v", shown)
	}
	if items, err = manifest.Apply(t.Context(), s, []byte(secretive), options); err != nil || len(items[1].Fields) > 0 {
		t.Errorf("applied again: %v, %v", items, err)
	}
	delete(outside, "LINE")
	_, err = manifest.Apply(t.Context(), s, []byte(secretive), options)
	if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Pointer != "/headers/1/value_env" || p[0].Rule != "secret.missing" {
		t.Errorf("a variable that there is not: %v", err)
	}
	options.Files.File = func(string) ([]byte, error) { return nil, os.ErrNotExist }
	_, err = manifest.Apply(t.Context(), s, []byte(secretive), options)
	if p := fault.ProblemsOf(err); len(p) != 2 || p[0].Pointer != "/client_certificate_file" || p[1].Pointer != "/headers/1/value_env" {
		t.Errorf("everything that there is not: %v", err)
	}
}

func TestWhatIsMissingOutsideOfTheFileIsNamedUnlessItMayBeTheSecret(t *testing.T) {
	files := manifest.Files{
		Env: func(string) (string, bool) { return "", false },
		File: func(path string) ([]byte, error) {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		},
	}
	for line, want := range map[string]string{
		"password_env: SMTP_PASSWORD": "line 5: document 1 (smtp-settings relay) /password_env: the environment has no variable SMTP_PASSWORD (secret.missing)",
		"password_env: hunter2":       "line 5: document 1 (smtp-settings relay) /password_env: the environment has no variable of this name (secret.missing)",
		"password_file: hunter2":      "line 5: document 1 (smtp-settings relay) /password_file: the file cannot be read: file does not exist (secret.missing)",
	} {
		_, err := manifest.Parse([]byte("kind: smtp-settings\nowner: acme\nid: relay\nname: Relay\n"+line+"\n"), files)
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n%v\nwant\n%s", line, err, want)
		}
	}
}

func TestAFileWithoutADocumentIsRefused(t *testing.T) {
	for _, data := range []string{"", "# nothing yet\n", "---\n---\n"} {
		_, err := manifest.Parse([]byte(data), manifest.Files{})
		if p := fault.ProblemsOf(err); len(p) != 1 || p[0].Rule != "file.empty" {
			t.Errorf("%q: %v", data, err)
		}
	}
}
