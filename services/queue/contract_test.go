package queue_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/config/apikey"
)

// document is the committed OpenAPI document.
type document struct {
	compiler *jsonschema.Compiler
	paths    map[string]map[string]struct {
		Responses map[string]struct {
			Ref string `json:"$ref"`
		}
		RequestBody struct {
			Content map[string]struct{ Example json.RawMessage }
		}
	}
}

func readDocument(t *testing.T) *document {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{compiler: jsonschema.NewCompiler()}
	if err := d.compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	all := struct{ Paths any }{&d.paths}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return d
}

// keeps fails the test unless an answer is one that the document says.
func (d *document) keeps(t *testing.T, in *instance, a ask, status int) {
	t.Helper()
	w := in.do(a)
	path := "/v1/owners/{owner}/queues/{queue}/" + a.path
	documented, ok := d.paths[path][strings.ToLower(a.method)].Responses[strconv.Itoa(w.Code)]
	if w.Code != status || !ok {
		t.Errorf("%s %s: %d %s, want %d, documented %v", a.method, path, w.Code, w.Body, status, ok)
		return
	}
	pointer, media := "/paths/"+strings.NewReplacer("~", "~0", "/", "~1").Replace(path)+"/"+strings.ToLower(a.method)+"/responses/"+strconv.Itoa(w.Code), "application/json"
	if documented.Ref != "" {
		pointer, media = strings.TrimPrefix(documented.Ref, "#"), "application/problem+json"
	}
	schema, err := d.compiler.Compile("openapi.json#" + pointer + "/content/" + strings.ReplaceAll(media, "/", "~1") + "/schema")
	if err != nil {
		t.Fatal(err)
	}
	body, err := jsonschema.UnmarshalJSON(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(body); err != nil || w.Header().Get("Content-Type") != media {
		t.Errorf("%s %s: %s: %v", a.method, path, w.Header().Get("Content-Type"), err)
	}
}

func TestAnswersAreWhatTheDocumentSaysAndItsExamplesAreTaken(t *testing.T) {
	r, d := newRig(t), readDocument(t)
	r.publish(1, 3)
	in := r.start()
	for path, methods := range d.paths {
		name, ok := strings.CutPrefix(path, "/v1/owners/{owner}/queues/{queue}/")
		if !ok {
			continue
		}
		for method, o := range methods {
			a := ask{method: strings.ToUpper(method), path: name, body: string(o.RequestBody.Content["application/json"].Example)}
			d.keeps(t, in, a, http.StatusOK)
			for status, change := range map[int]func(*ask){
				http.StatusBadRequest:   func(a *ask) { a.path += "?x=1" },
				http.StatusUnauthorized: func(a *ask) { a.key = "none" },
				http.StatusForbidden:    func(a *ask) { a.key = r.keys[apikey.Publisher] },
				http.StatusNotFound:     func(a *ask) { a.queue = "other" },
			} {
				wrong := a
				if change(&wrong); status == http.StatusBadRequest {
					if w := in.do(wrong); w.Code != status {
						t.Errorf("%s with a parameter: %d %s", name, w.Code, w.Body)
					}
					continue
				}
				d.keeps(t, in, wrong, status)
			}
			if a.body == "" {
				continue
			}
			for status, body := range map[int]string{
				http.StatusBadRequest: "{", http.StatusUnprocessableEntity: `{"unknown": 1}`, http.StatusRequestEntityTooLarge: strings.Repeat(" ", 64<<10+1),
			} {
				wrong := a
				wrong.body = body
				d.keeps(t, in, wrong, status)
			}
			a.media = "text/plain"
			d.keeps(t, in, a, http.StatusUnsupportedMediaType)
		}
	}
	if len(d.paths) < 40 {
		t.Errorf("only %d paths", len(d.paths))
	}
}
