package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/billhook/billhook/config/apikey"
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
	saved := must(t)(s.PutSMTP(ctx, "acme", d))
	made := must(t)(s.PutEndpoint(ctx, "acme", hook("h")))
	_, key, err := s.CreateKey(ctx, "acme", apikey.Key{Role: apikey.Publisher})
	if err != nil {
		t.Fatal(err)
	}
	d.Username = "bad\nname"
	_, refusal := s.PutSMTP(ctx, "acme", d)
	st, err := s.Setup(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	answers, err := json.Marshal([]any{saved, made, st, refusal})
	if err != nil {
		t.Fatal(err)
	}
	canaries := []string{canary, made.Issued.Reveal(), made.Issued.Reveal()[6:], key.Reveal()}
	answers = fmt.Appendf(answers, "%+v %+v %+v %v", saved, made, *st, refusal)
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
