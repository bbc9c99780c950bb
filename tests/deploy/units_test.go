package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/tests/harness"
)

// programs are the commands that are shipped, each with the unit of its name.
func programs() []string { return append(harness.Services(), "billhook") }

func unitOf(program string) string {
	if program == "billhook" {
		return "billhook.service"
	}
	return "billhook-" + program + ".service"
}

// values returns what a unit says behind a name, such as "Environment".
func values(unit, name string) []string {
	var out []string
	for line := range strings.Lines(unit) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			out = append(out, v)
		}
	}
	return out
}

func TestEveryProgramHasAUnitAndEveryUnitAProgram(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "deploy/systemd/*"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, f := range files {
		got = append(got, filepath.Base(f))
	}
	for _, p := range programs() {
		want = append(want, unitOf(p))
	}
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

var credential = regexp.MustCompile(`%d/([\w-]+)`)

func TestUnitsUseSettingsAndCredentialsThatThereAre(t *testing.T) {
	names := known()
	for _, p := range programs() {
		unit := read(t, "deploy/systemd/"+unitOf(p))
		run := values(unit, "ExecStart")
		if len(run) != 1 || strings.Fields(run[0])[0] != "/usr/local/bin/"+p {
			t.Errorf("%s starts %q", unitOf(p), run)
		}
		var loaded []string
		for _, c := range values(unit, "LoadCredential") {
			name, _, _ := strings.Cut(c, ":")
			loaded = append(loaded, name)
		}
		for _, e := range values(unit, "Environment") {
			name, value, _ := strings.Cut(e, "=")
			if !names[name] {
				t.Errorf("%s sets %s, which no program reads", unitOf(p), name)
			}
			if m := credential.FindStringSubmatch(value); m != nil && !slices.Contains(loaded, m[1]) {
				t.Errorf("%s reads credential %s without loading it", unitOf(p), m[1])
			}
		}
		if got, want := slices.Contains(loaded, "secret-key"), slices.Contains([]string{"webhook-sender", "mailer", "console"}, p); got != want {
			t.Errorf("%s is given the sealing key: %v, want %v", unitOf(p), got, want)
		}
		if p != "billhook" && !slices.Contains(values(unit, "Environment"), "NATS_USER="+p) {
			t.Errorf("%s does not run as its own NATS user", unitOf(p))
		}
	}
}

func TestSystemdTakesTheUnits(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal("the pipeline lacks systemd-analyze")
	}
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, p := range programs() {
		// The programs need not be installed for it.
		unit := strings.ReplaceAll(read(t, "deploy/systemd/"+unitOf(p)), "ExecStart=/usr/local/bin/"+p, "ExecStart=/bin/true")
		path := filepath.Join(dir, unitOf(p))
		if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.CommandContext(t.Context(), analyze, args...).CombinedOutput()
	// It warns about what it does not know, with status 0.
	if err != nil || strings.Contains(string(out), dir) {
		t.Errorf("%v\n%s", err, out)
	}
}
