package reference

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/billhook/billhook/tokens"
)

var update = flag.Bool("update", false, "write the pages instead of comparing them")

func TestThePagesSayWhatTheCatalogueSays(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"../../../docs/events.md": Events(c),
		"../../../docs/tokens.md": Tokens(c),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, string(got)); d != "" {
			t.Errorf("%s drifted, run go test ./tokens/internal/reference -update\n%s", path, d)
		}
	}
}

// The examples of the page are for readers to copy.
func TestTheExamplesOfHelpersAreAccepted(t *testing.T) {
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range tokens.Helpers() {
		for _, example := range strings.Split(h.Example, ", ") {
			example = strings.ReplaceAll(example, "{{else if …}}", "{{else if Invoice.Total}}")
			if p := c.Check(example, tokens.Use{Channel: "webhook"}); len(p) > 0 {
				t.Errorf("%s: %v", example, p)
			}
		}
	}
}
