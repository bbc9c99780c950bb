package deploy_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/billhook/billhook/streams/permission"
)

// pages are those that people copy commands from, and design's neighbours.
func pages() []string {
	return []string{"README.md", "docs/runbook.md", "docs/webhooks.md", "docs/queues.md", "docs/schedules.md", "docs/performance.md", "docs/nats.md"}
}

var (
	fenced      = regexp.MustCompile("(?s)```sh\n(.*?)```")
	invocation  = regexp.MustCompile(`\bbillhook ((?:[a-z][a-z-]*)(?: [a-z]+)?)([^|>)\n]*)`)
	flagInLine  = regexp.MustCompile(`(?:^|\s)(--[a-z-]+)`)
	settingName = regexp.MustCompile("`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`")
	link        = regexp.MustCompile(`\]\(([^)]+)\)`)
)

// program builds the command line; the go command keeps it.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "billhook")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./services/billhook/cmd/billhook")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

func TestCommandsOfThePagesExist(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command line: run without -short")
	}
	bin, seen := program(t), 0
	for _, page := range pages() {
		for _, block := range fenced.FindAllStringSubmatch(read(t, page), -1) {
			text := strings.ReplaceAll(block[1], "\\\n", " ")
			for _, m := range invocation.FindAllStringSubmatch(text, -1) {
				seen++
				help := help(t, bin, m[1])
				if help == "" {
					t.Errorf("%s: there is no command %q", page, m[1])
				}
				for _, f := range flagInLine.FindAllStringSubmatch(m[2], -1) {
					if !strings.Contains(help, f[1]+" ") {
						t.Errorf("%s: %s has no flag %s", page, m[1], f[1])
					}
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d commands were found on the pages", seen)
	}
}

// help returns the help of a command, "" when there is none of the name. Its
// second word may be an argument.
func help(t *testing.T, bin, name string) string {
	t.Helper()
	words := strings.Fields(name)
	for ; len(words) > 0; words = words[:len(words)-1] {
		out, err := exec.CommandContext(t.Context(), bin, append(words, "--help")...).CombinedOutput()
		if err == nil && strings.Contains(string(out), "billhook "+strings.Join(words, " ")) {
			return string(out)
		}
	}
	return ""
}

func TestSettingsOnThePagesExist(t *testing.T) {
	names := known()
	for _, u := range append(everybody(), permission.PublisherUser("acme")) {
		names[permission.PasswordVariable(u)] = true
	}
	for _, page := range pages() {
		for _, m := range settingName.FindAllStringSubmatch(read(t, page), -1) {
			if !names[m[1]] {
				t.Errorf("%s names %s, which no program reads", page, m[1])
			}
		}
	}
}

func TestLinksOnThePagesLeadSomewhere(t *testing.T) {
	for _, page := range slices.Concat(pages(), []string{"docs/design.md", "docs/settings.md", "docs/events.md", "docs/schemas/README.md"}) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			u, err := url.Parse(m[1])
			if err != nil || u.IsAbs() || u.Path == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(page), u.Path)); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
	}
}
