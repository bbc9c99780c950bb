package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/endpoint/identitytest"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/shared/secret"
)

// TestNoPlainSecretReachesTheBrokerOrAnAnswer plants canaries in every secret
// field and looks for them in the server's files and in all that is returned.
func TestNoPlainSecretReachesTheBrokerOrAnAnswer(t *testing.T) {
	b, s := start(t)
	ctx := t.Context()
	const canary = "canary-bird-1"
	d := mail("a")
	d.Username, d.Password = "u", new(secret.NewText(canary))
	d.DKIM, d.DKIMKey = &smtp.DKIM{Domain: "example.com", Selector: "a"}, new(secret.NewText(dkimKey))
	saved := must(t)(s.PutSMTP(ctx, "acme", d))
	const token = "canary-bird-2"
	h := hook("h")
	h.Auth = &endpoint.Auth{Scheme: endpoint.OAuth2, TokenURL: "https://auth.example.com/token", ClientID: "c"}
	h.AuthSecret = new(secret.NewText(token))
	const line = "canary-bird-3"
	h.Headers = []endpoint.Header{{Name: "X-Secret", Value: secret.NewText(line), Secret: true}}
	id := identitytest.New(t, "one")
	h.ClientCertificate, h.ClientKey = id.Certificate, new(secret.NewText(id.Key))
	made := must(t)(s.PutEndpoint(ctx, "acme", h))
	h.URL = "http://bad"
	_, refusedHook := s.PutEndpoint(ctx, "acme", h)
	_, key, err := s.CreateKey(ctx, "acme", apikey.Key{Role: apikey.Publisher})
	if err != nil {
		t.Fatal(err)
	}
	d.Username, d.DKIMKey = "bad\nname", new(secret.NewText(dkimKey[:80]))
	_, refusal := s.PutSMTP(ctx, "acme", d)
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := json.Marshal([]any{saved, made, st, refusal, refusedHook})
	if err != nil {
		t.Fatal(err)
	}
	canaries := []string{canary, token, line, strings.Split(dkimKey, "\n")[1], strings.Split(id.Key, "\n")[1], made.Issued.Reveal(), made.Issued.Reveal()[6:], key.Reveal()}
	answers = fmt.Appendf(answers, "%+v %+v %+v %v %v", saved, made, *st, refusal, refusedHook)
	for _, c := range canaries {
		if bytes.Contains(answers, []byte(c)) {
			t.Errorf("an answer shows %s", c[:6])
		}
	}
	b.srv.Stop() // everything is on disk
	files := 0
	err = filepath.WalkDir(b.srv.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(path)
		for _, c := range canaries {
			if bytes.Contains(data, []byte(c)) {
				t.Errorf("%s holds %s", filepath.Base(path), c[:6])
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("searched %d files: %v", files, err)
	}
}
