package acceptance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/billhook/billhook/tokens"
)

// judged is what a public parser or linter says of a document.
type judged struct {
	Operations int
	Against    []string
}

// judge has a script that calls a public parser or linter read documents.
func judge(t *testing.T, script string, paths ...string) []judged {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("npm", script)}, paths...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []judged
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var one judged
		if err := dec.Decode(&one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	if len(all) != len(paths) {
		t.Fatalf("%d of %d documents were judged", len(all), len(paths))
	}
	return all
}

func TestThePublicAsyncAPIParserTakesTheDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	needNode(t, "@asyncapi/parser")
	catalogue, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	// What the parser lets pass would prove nothing.
	broken := filepath.Join(t.TempDir(), "broken.json")
	const text = `{"asyncapi": "3.0.0", "info": {"title": "broken", "version": "1.0.0"}, "operations": {"receive": {
		"action": "receive", "channel": {"$ref": "#/channels/none"}}}}`
	if err := os.WriteFile(broken, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := judge(t, "asyncapi.js", "../../docs/asyncapi.json", broken)
	if len(got[0].Against) > 0 {
		t.Errorf("the parser has against the document:\n%s", strings.Join(got[0].Against, "\n"))
	}
	if want := len(catalogue.Events()) + 1; got[0].Operations != want {
		t.Errorf("the parser finds %d operations, want %d: one for each event, and the rejected", got[0].Operations, want)
	}
	if len(got[1].Against) == 0 {
		t.Error("the parser has nothing against a broken document")
	}
}
