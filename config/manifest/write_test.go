package manifest_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/billhook/billhook/config/account"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/setup"
)

// TestWhatIsWrittenIsAppliedAndChangesNothing writes everything that there is,
// and applies it: kinds that were forgotten would be missing.
func TestWhatIsWrittenIsAppliedAndChangesNothing(t *testing.T) {
	s := start(t)
	before, err := apply(t, s, whole(t), false)
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Setup(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	all := manifest.Resources("acme", st)
	err = s.EachAccount(t.Context(), "acme", func(a *account.Account) error {
		all = append(all, manifest.AccountOf("acme", a))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if err := r.WriteYAML(&file); err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := r.WriteJSON(&line); err != nil {
			t.Fatal(err)
		}
		var doc struct{ Kind, Owner, ID string }
		if err := json.Unmarshal(line.Bytes(), &doc); err != nil || doc.Kind != string(r.Kind) || doc.Owner != "acme" || doc.ID != r.ID {
			t.Errorf("%s: %v", line.Bytes(), err)
		}
	}
	for _, canary := range []string{"canary", "whsec_", "PRIVATE", "sealed"} {
		if strings.Contains(file.String(), canary) {
			t.Errorf("%q is written", canary)
		}
	}
	items, err := apply(t, s, file.String(), false)
	if err != nil {
		t.Fatalf("%v\n%s", err, file.String())
	}
	written := map[string]bool{}
	for _, i := range items {
		written[string(i.Kind)+" "+i.ID] = true
		if i.Action != setup.Unchanged {
			t.Errorf("%s %s is %s: %+v", i.Kind, i.ID, i.Action, i.Fields)
		}
	}
	for _, i := range before {
		if i.Kind != manifest.Contact && !written[string(i.Kind)+" "+i.ID] { // contacts are in their accounts
			t.Errorf("%s %s is not written", i.Kind, i.ID)
		}
	}
}

// TestEveryTextComesBackAsItIs holds for texts that mean something to YAML, and
// for all that the rules let into a name or a template.
func TestEveryTextComesBackAsItIs(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"null", "~", "on", "0x10", "1_000", "2026-11-01", "- a", "a: b", "#x", "a #x", "{{a}}", "<b>&", "*a", "&a", "!x", "'", `"`, `\`, "|", ">", "%",
		"@", "🧾", "\u2028", "a\n  b\n", "\ta", "---", "...", "a\r\nb",
	})).Filter(func(text string) bool {
		return strings.IndexFunc(text, func(c rune) bool { return unicode.IsControl(c) && !strings.ContainsRune("\t\n\r", c) }) < 0
	})
	rapid.Check(t, func(t *rapid.T) {
		text := texts.Draw(t, "text")
		a := &account.Account{ID: "A", Name: text, Company: account.Company{City: text}}
		var file bytes.Buffer
		if err := manifest.AccountOf("acme", a).WriteYAML(&file); err != nil {
			t.Fatal(err)
		}
		docs, problems := document.ParseYAML(file.Bytes())
		if problems != nil || len(docs) != 1 {
			t.Fatalf("%d documents, %v\n%s", len(docs), problems, file.String())
		}
		var got struct {
			account.Account
			Kind  string `json:"kind"`
			Owner string `json:"owner"`
		}
		problems = docs[0].Decode(&got)
		if problems != nil || got.Kind != "account" || got.Owner != "acme" || got.ID != "A" || got.Name != text || got.Company.City != text {
			t.Fatalf("%q became %+v: %v\n%s", text, got, problems, file.String())
		}
	})
}
