// Package deploy holds what operators are given to the product: the NATS
// configuration and the page of settings to their tables, and compose file,
// units and images to the settings, services and commands that there are.
package deploy_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/services/billhook/allinone"
	"github.com/billhook/billhook/shared/process"
	"github.com/billhook/billhook/streams/permission"
)

//go:generate go test -run Generated -update .

var update = flag.Bool("update", false, "write the generated files instead of comparing them")

// root is the repository, seen from here.
const root = "../.."

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestGeneratedFilesSayWhatTheTablesSay(t *testing.T) {
	for path, want := range map[string]string{
		"deploy/nats-server.conf": permission.ServerConfig(),
		"docs/settings.md":        settingsIntro + process.Markdown(allinone.Settings()),
	} {
		if *update {
			if err := os.WriteFile(filepath.Join(root, path), []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if d := cmp.Diff(want, read(t, path)); d != "" {
			t.Errorf("%s drifted, run go test ./tests/deploy -update\n%s", path, d)
		}
	}
}

const settingsIntro = `<!-- Generated from the settings of every program: go test ./tests/deploy -update -->

# Settings

Every setting comes from the environment. The names are the same for the all-in-one and for services that run apart; each
program reads those that concern it. "billhook settings" prints this table.

An empty value is the same as none. A secret ` + "`NAME`" + ` may also be given as ` + "`NAME_FILE`" + `, the path of a file that
holds it. Durations are written as in ` + "`1h30m`" + `. All settings are checked before anything starts, and all that is wrong
with them is reported at once.

`

func TestEverySettingIsSaidOnceWithItsMeaning(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range allinone.Settings() {
		if seen[s.Name] {
			t.Errorf("%s stands in the table twice: two programs mean different things by it", s.Name)
		}
		seen[s.Name] = true
		if s.Doc == "" || strings.ToUpper(s.Name) != s.Name {
			t.Errorf("%s lacks a meaning or the form of a name", s.Name)
		}
		if s.Type == "duration" && s.Unit != "duration" {
			t.Errorf("%s is a duration and does not say so", s.Name)
		}
	}
}

// known are the names that an environment may set: settings, and secrets by
// their file.
func known() map[string]bool {
	names := map[string]bool{}
	for _, s := range allinone.Settings() {
		names[s.Name] = true
		if s.Secret {
			names[s.Name+"_FILE"] = true
		}
	}
	return names
}
