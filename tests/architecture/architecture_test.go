package architecture

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repository is the folder of go.work, above the one that the test runs in.
func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.work above the test")
		}
		dir = parent
	}
}

func load(t *testing.T) *Tree {
	t.Helper()
	tree, err := Load(os.DirFS(repository(t)))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestTreeKeepsItsShape(t *testing.T) {
	tree := load(t)
	for _, check := range []struct {
		rule string
		find func(*Tree) []string
	}{
		{"imports follow the arrows", Arrows},
		{"files, functions and commands stay small", Sizes},
		{"packages are named after things", Names},
		{"every package has a doc comment", Docs},
		{"only streams/subject builds subjects", Subjects},
	} {
		t.Run(check.rule, func(t *testing.T) {
			for _, problem := range check.find(tree) {
				t.Error(problem)
			}
		})
	}
}

func TestFirstTokensAreReadFromTheSubjectPackage(t *testing.T) {
	words := FirstTokens(load(t))
	for _, word := range []string{"platform", "inbox", "events", "deliveries"} {
		if !slices.Contains(words, word) {
			t.Errorf("first tokens %q lack %q", words, word)
		}
	}
}

// TestServiceBinariesCarryNoServer looks at all that is linked, because a
// foreign module may bring the server in where no source of ours does.
func TestServiceBinariesCarryNoServer(t *testing.T) {
	dir := repository(t)
	for _, f := range load(t).Files {
		if !command(f) || within(f.Dir(), "services/billhook") {
			continue
		}
		t.Run(f.Dir(), func(t *testing.T) {
			list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+f.Dir())
			list.Dir = dir
			list.Env = append(os.Environ(), "GOWORK="+filepath.Join(dir, "go.work"))
			out, err := list.Output()
			if err != nil {
				t.Fatal(err)
			}
			for p := range strings.FieldsSeq(string(out)) {
				if within(p, "github.com/nats-io/nats-server") || within(p, root+"streams/natstest") {
					t.Errorf("links %s", p)
				}
			}
		})
	}
}
