package acceptance_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	openAPI = "../../docs/openapi.json"
	// released is the document that clients have.
	released = "../../docs/openapi.released.json"
)

// planted is a document with something broken in it.
func planted(t *testing.T, path string, plant func(document map[string]any)) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	plant(document)
	if text, err = json.Marshal(document); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(out, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

// at is the object at a place of a document.
func at(document map[string]any, place ...string) map[string]any {
	for _, name := range place {
		document = document[name].(map[string]any)
	}
	return document
}

// oasdiff returns what the public comparison finds that breaks clients of the
// released document; empty for nothing.
func oasdiff(t *testing.T, document string) string {
	t.Helper()
	const module = "../../tools/openapi"
	build := exec.CommandContext(t.Context(), "go", "-C", module, "tool", "-n", "oasdiff")
	build.Env = append(os.Environ(), "GOWORK=off")
	build.Stderr = os.Stderr
	path, err := build.Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), "breaking", "--fail-on", "WARN",
		"--severity-levels", filepath.Join(module, "severity.txt"), released, document)
	out, err := cmd.CombinedOutput()
	switch cmd.ProcessState.ExitCode() {
	case 0:
		return ""
	case 1:
		return string(out)
	}
	t.Fatalf("%v: %s", err, out)
	return ""
}

func TestTheDocumentBreaksNoClientOfTheReleasedOne(t *testing.T) {
	if testing.Short() {
		t.Skip("separate processes: run without -short")
	}
	if broken := oasdiff(t, openAPI); broken != "" {
		t.Errorf("clients of %s break; docs/decisions/0051 says what to do where that is meant:\n%s", released, broken)
	}
	// What the comparison lets pass would prove nothing.
	for name, plant := range map[string]func(map[string]any){
		"a member is gone": func(d map[string]any) {
			delete(at(d, "components", "schemas", "Event", "properties"), "account")
		},
		"a word is gone": func(d map[string]any) {
			order := at(d, "components", "schemas", "Subscription", "properties", "order")
			order["enum"] = order["enum"].([]any)[1:]
		},
		"a parameter must be given": func(d map[string]any) {
			list := at(d, "paths", "/v1/owners/{owner}/subscriptions", "get")
			list["parameters"] = append(list["parameters"].([]any), map[string]any{
				"name": "planted", "in": "query", "required": true, "schema": map[string]any{"type": "string"},
			})
		},
		"an operation is gone": func(d map[string]any) {
			delete(at(d, "paths", "/v1/owners/{owner}/subscriptions"), "get")
		},
		"a member must be given": func(d map[string]any) {
			schema := at(d, "components", "schemas", "SubscriptionPatch")
			schema["required"] = []any{"name"}
		},
	} {
		if oasdiff(t, planted(t, released, plant)) == "" {
			t.Errorf("%s, and the comparison has nothing against it", name)
		}
	}
}

func TestThePublicLinterHasNothingAgainstTheDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("a separate process: run without -short")
	}
	needNode(t, "@stoplight/spectral-rulesets")
	broken := planted(t, openAPI, func(d map[string]any) {
		at(d, "paths", "/v1/owners/{owner}", "get")["responses"] = map[string]any{"200": map[string]any{"$ref": "#/components/responses/None"}}
	})
	got := judge(t, "openapi.js", openAPI, broken)
	if len(got[0].Against) > 0 {
		t.Errorf("the linter has against the document:\n%s", strings.Join(got[0].Against, "\n"))
	}
	if len(got[1].Against) == 0 {
		t.Error("the linter has nothing against a broken document")
	}
}
