package manifest_test

import (
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/billhook/billhook/config/manifest"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/guard"
	"github.com/billhook/billhook/shared/secret/secrettest"
	"github.com/billhook/billhook/streams/natstest"
	"github.com/billhook/billhook/streams/topology"
	"github.com/billhook/billhook/tokens"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *store.Store {
	t.Helper()
	js := natstest.Start(t).JetStream(t)
	for _, c := range slices.Concat(topology.Buckets(topology.Defaults()), topology.Streams(topology.Defaults())) {
		if c.Name != topology.Events && c.Name != topology.Audit && !strings.HasPrefix(c.Name, topology.BucketStream("")) {
			continue // not written here
		}
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	sealer := secrettest.Sealer(t)
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return store.New(store.Deps{
		JetStream: js, Catalogue: catalogue, Mail: &guard.Policy{}, Sealer: sealer, Rand: rand.Reader, Now: time.Now,
	})
}

// dkimKey signs nothing but tests.
const dkimKey = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
`

func files() manifest.Files {
	return manifest.Files{
		Env: func(name string) (string, bool) { return "canary-env", name == "MAIL_PASSWORD" },
		File: func(path string) ([]byte, error) {
			switch path {
			case "/run/secrets/mail":
				return []byte("canary-file\n"), nil
			case "/run/secrets/dkim":
				return []byte(dkimKey), nil
			}
			return nil, os.ErrNotExist
		},
	}
}

func apply(t *testing.T, s *store.Store, data string, dry bool) ([]manifest.Item, error) {
	t.Helper()
	return manifest.Apply(t.Context(), s, []byte(data), manifest.Options{DryRun: dry, Files: files()})
}

// whole has its documents in an order in which none could be saved.
func whole(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/whole.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func actions(items []manifest.Item) map[setup.Action]int {
	n := map[setup.Action]int{}
	for _, i := range items {
		n[i.Action]++
	}
	return n
}

func TestApplyingAFileTwiceChangesNothingTheSecondTime(t *testing.T) {
	s := start(t)
	items, err := apply(t, s, whole(t), true)
	if err != nil {
		t.Fatal(err)
	}
	if actions(items)[setup.Created] != 14 {
		t.Errorf("dry run: %v", actions(items))
	}
	if _, err := s.Setup(t.Context(), "acme"); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("the dry run saved something: %v", err)
	}
	if items, err = apply(t, s, whole(t), false); err != nil {
		t.Fatal(err)
	}
	issued := 0
	for _, i := range items {
		if !i.Issued.Empty() {
			issued++
		}
	}
	if actions(items)[setup.Created] != 14 || issued != 1 {
		t.Errorf("%v, %d secrets", actions(items), issued)
	}
	if items, err = apply(t, s, whole(t), false); err != nil {
		t.Fatal(err)
	}
	if actions(items)[setup.Unchanged] != 14 {
		for _, i := range items {
			t.Logf("%+v", i)
		}
		t.Errorf("again: %v", actions(items))
	}
}

func TestAChangeIsShownByFieldWithoutSecrets(t *testing.T) {
	s := start(t)
	if _, err := apply(t, s, whole(t), false); err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(whole(t), "password_env: MAIL_PASSWORD", "password: canary-new\nfrom_name: Acme Billing", 1)
	items, err := apply(t, s, changed, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Action == setup.Unchanged {
			continue
		}
		want := []manifest.Field{{Pointer: "/from_name", After: `"Acme Billing"`}, {Pointer: "/password", After: "[secret]"}}
		if d := cmp.Diff(want, i.Fields); d != "" || i.ID != "main" {
			t.Errorf("%s: %s", i.ID, d)
		}
	}
}

func TestARefusedFileSavesNothingAndNamesEveryPlace(t *testing.T) {
	s := start(t)
	_, err := apply(t, s, `kind: owner
id: acme
name: Acme
---
kind: endpoint
owner: acme
id: hooks
name: Hooks
url: http://hooks.example.com/
---
kind: subscription
owner: acme
id: posted
name: Posted
events: [invoice.posted]
channel: webhook
webhook:
  endpoint: other
---
kind: queue
owner: acme
id: posted
name: Posted
events: [invoice.posted]
visibility: 13h
`, false)
	var refusal manifest.Refusal
	if !errors.As(err, &refusal) || fault.KindOf(err) != fault.Invalid {
		t.Fatalf("err = %v", err)
	}
	var places [][2]any
	for _, r := range refusal {
		for i, p := range r.Problems {
			places = append(places, [2]any{p.Pointer, r.Lines[i]})
		}
	}
	want := [][2]any{{"/url", 9}, {"/webhook/endpoint", 18}, {"/visibility", 25}}
	if d := cmp.Diff(want, places); d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if _, err := s.Setup(t.Context(), "acme"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("something was saved: %v", err)
	}
}

func TestBadFiles(t *testing.T) {
	s := start(t)
	const acme = "kind: owner\nid: acme\nname: Acme\n"
	for name, row := range map[string][2]string{
		"no kind":             {"id: a\n", "kind.unknown"},
		"unknown kind":        {"kind: webhook\n", "kind.unknown"},
		"unknown member":      {acme + "colour: red\n", "member.unknown"},
		"repeated member":     {acme + "name: B\n", "member.repeated"},
		"wrong type":          {"kind: owner\nid: 7\nname: A\n", "document.kind"},
		"no owner":            {"kind: endpoint\nid: e\n", "id.form"},
		"unknown owner":       {"kind: endpoint\nowner: nobody\nid: e\nname: E\nurl: https://a.example.com\n", "reference.unknown"},
		"owner with a dot":    {"kind: owner\nid: a.b\nname: A\n", "id.form"},
		"wildcard":            {"kind: endpoint\nowner: '>'\nid: e\n", "id.form"},
		"owner of another":    {acme + "owner: other\n", "owner.id"},
		"same twice":          {acme + "---\n" + acme, "document.repeated"},
		"two defaults":        {acme + "---\n" + smtpDoc("a") + "default: true\n---\n" + smtpDoc("b") + "default: true\n", "smtp.default"},
		"no such variable":    {smtpDoc("a") + "password_env: NO\n", "secret.missing"},
		"no such file":        {smtpDoc("a") + "password_file: /no\n", "secret.missing"},
		"env without kind":    {"kind: owner\nid: a\nname: A\npassword_env: X\n", "member.unknown"},
		"alias":               {"kind: owner\nid: &a a\nname: *a\n", "yaml.form"},
		"no YAML":             {"kind: [\n", "yaml.form"},
		"a list":              {"- kind: owner\n", "kind.unknown"},
		"unknown time zone":   {acme + "time_zone: Mars/Olympus\n", "time_zone.unknown"},
		"machine's time zone": {acme + "time_zone: Local\n", "time_zone.unknown"},
		"too many days":       {acme + "derive: {dormant_after_days: 3651}\n", "number.range"},
		"unknown derived":     {acme + "derive: {paid: true}\n", "member.unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := apply(t, s, row[0], false)
			for _, p := range fault.ProblemsOf(err) {
				if p.Rule == row[1] {
					return
				}
			}
			t.Errorf("err = %v, want %s", err, row[1])
		})
	}
}

func TestARefusalNamesWhatWasWritten(t *testing.T) {
	s := start(t)
	for src, want := range map[string]string{
		"kind: owner\nname: A\n": "line 1: document 1 (owner) /id: an identifier is 1 to 64 characters of A-Z, a-z, 0-9, _ and - (id.form)",
		"id: a\nid: b\n":         "line 2: /id: is given twice (member.repeated)",
		"just text\n":            "line 1: document 1 /kind: must be one of owner, contact-type, account, contact, smtp-settings, canned-email, endpoint, subscription, queue (kind.unknown)",
	} {
		if _, err := apply(t, s, src, false); err == nil || err.Error() != want {
			t.Errorf("%q:\n%v\nwant\n%s", src, err, want)
		}
	}
}

func smtpDoc(id string) string {
	return "kind: smtp-settings\nowner: acme\nid: " + id + "\nname: M\nhost: mail.example.com\nfrom_address: a@example.com\n"
}

func TestAnErrorNeverShowsAPassword(t *testing.T) {
	s := start(t)
	for _, doc := range []string{
		smtpDoc("a") + "password: canary-1\nport: canary-2\n",
		smtpDoc("a") + "password: canary-1\n  tls: [\n",
		smtpDoc("a") + "username: u\npassword: canary-1\ntls: maybe\n",
		smtpDoc("a") + "password: {canary-1: x}\n",
	} {
		_, err := apply(t, s, doc, false)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("err = %v", err)
		}
	}
}

// FuzzParse holds that no file panics, and that what is accepted has a place
// in the order of saving.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/whole.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	for doc := range strings.SplitSeq(string(data), "---\n") {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		docs, err := manifest.Parse(data, files())
		if err != nil {
			if len(fault.ProblemsOf(err)) == 0 || err.Error() == "" {
				t.Fatalf("a refusal without a problem: %v", err)
			}
			return
		}
		last := 0
		for _, d := range docs {
			place := -1
			for i, k := range manifest.Kinds() {
				if k == d.Kind {
					place = i
				}
			}
			if place < last || d.ID == "" || d.Owner == "" {
				t.Fatalf("%+v stands behind kind %d", d, last)
			}
			last = place
		}
	})
}
