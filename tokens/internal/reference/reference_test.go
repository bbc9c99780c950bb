package reference

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/tokens"
)

func load(t *testing.T) *tokens.Catalogue {
	t.Helper()
	c, err := tokens.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var update = flag.Bool("update", false, "write the pages instead of comparing them")

// docs is the folder of the pages, seen from here.
const docs = "../../../docs"

// pages are all that is generated, by the place in docs.
func pages(t *testing.T, c *tokens.Catalogue) map[string]string {
	t.Helper()
	out := map[string]string{"events.md": Events(c), "tokens.md": Tokens(c)}
	schemas, err := Schemas(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range schemas {
		out["schemas/"+name] = text
	}
	return out
}

func TestThePagesSayWhatTheCatalogueSays(t *testing.T) {
	want := pages(t, load(t))
	for name, text := range want {
		path := filepath.Join(docs, name)
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(text, string(got)); d != "" {
			t.Errorf("%s drifted, run go test ./tokens/internal/reference -update\n%s", path, d)
		}
	}
	files, err := filepath.Glob(docs + "/schemas/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if _, wanted := want["schemas/"+filepath.Base(path)]; !wanted {
			t.Errorf("%s is of no event: remove it", path)
		}
	}
}

// What is tried is what lies in docs, not what would be written there.
func TestASchemaOfTheDocsTakesItsExampleAndNoBrokenOne(t *testing.T) {
	for _, e := range load(t).Events() {
		path, err := filepath.Abs(filepath.Join(docs, "schemas", schemaFile(e)))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		compiler.UseLoader(jsonschema.SchemeURLLoader{"file": jsonschema.FileLoader{}})
		schema, err := compiler.Compile("file://" + path)
		if err != nil {
			t.Fatal(err)
		}
		if schema.ID != schemaID(e) || len(schema.Examples) != 1 {
			t.Errorf("%s is %s and has %d examples", path, schema.ID, len(schema.Examples))
		}
		example, isObject := schema.Examples[0].(map[string]any)
		if err := schema.Validate(schema.Examples[0]); err != nil || !isObject {
			t.Errorf("the example of %s: %v", path, err)
		}
		for name := range schema.Properties {
			if _, given := example[name]; !given {
				t.Errorf("the example of %s lacks %s", path, name)
			}
			// No token is a list, and none has another one's name.
			for key, value := range map[string]any{name: []any{}, name + "x": example[name]} {
				broken := maps.Clone(example)
				broken[key] = value
				if schema.Validate(broken) == nil {
					t.Errorf("%s takes %s: %v", path, key, value)
				}
			}
		}
	}
}

// The examples of the page are for readers to copy.
func TestTheExamplesOfHelpersAreAccepted(t *testing.T) {
	c := load(t)
	for _, h := range tokens.Helpers() {
		for _, example := range strings.Split(h.Example, ", ") {
			example = strings.ReplaceAll(example, "{{else if …}}", "{{else if Invoice.Total}}")
			if p := c.Check(example, tokens.Use{Channel: "webhook"}); len(p) > 0 {
				t.Errorf("%s: %v", example, p)
			}
		}
	}
}
