package console_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/billhook/billhook/config/access"
)

// specification is what the tests read of the document.
type specification struct {
	operations []operation
	schemas    *jsonschema.Compiler
	compiled   map[string]*jsonschema.Schema
	raw        map[string]any
}

// operation is one operation of the document.
type operation struct {
	ID, method, path string
	Right            struct {
		Verb     access.Verb
		Resource access.Resource
	} `json:"x-right"`
	Parameters []parameter
	Servers    []any
	Body       *struct {
		Content map[string]struct{ Example, Schema any }
	} `json:"requestBody"`
	Responses map[string]struct {
		Ref     string `json:"$ref"`
		Content map[string]any
	}
	Name string `json:"operationId"`
}

// parameter is one parameter of an operation.
type parameter struct {
	Name, In string
	Schema   struct {
		Type, Format string
		Enum         []string
	}
}

// elsewhere tells operations that another server answers.
func (o *operation) elsewhere() bool {
	return slices.Contains([]string{
		"publishEvent", "pullQueueEvents", "ackQueueEvents", "releaseQueueEvents", "extendQueueEvents", "getQueueStatus",
	}, o.Name)
}

// specify reads the document.
func (r *rig) specify(t testing.TB) *specification {
	t.Helper()
	text := r.send(t, ask{method: "GET", path: "/openapi.json"}).want(t, http.StatusOK).body
	s := &specification{schemas: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.schemas.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	var paths struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal([]byte(text), &paths); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &s.raw); err != nil {
		t.Fatal(err)
	}
	for path, methods := range paths.Paths {
		for method, o := range methods {
			if o.method, o.path = strings.ToUpper(method), path; !o.elsewhere() {
				s.operations = append(s.operations, o)
			}
		}
	}
	slices.SortFunc(s.operations, func(a, b operation) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method)) })
	return s
}

// statuses are those that an operation documents.
func (o *operation) statuses() []string { return slices.Sorted(maps.Keys(o.Responses)) }

// check returns how an answer breaks the document, empty for not at all.
func (s *specification) check(t testing.TB, o *operation, a answer) string {
	t.Helper()
	documented, ok := o.Responses[strconv.Itoa(a.status)]
	if !ok {
		return "status " + strconv.Itoa(a.status) + " is not documented"
	}
	pointer := "/paths/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(o.path) + "/" + strings.ToLower(o.method) + "/responses/" + strconv.Itoa(a.status)
	media := "application/json"
	if documented.Ref != "" {
		pointer, media = strings.TrimPrefix(documented.Ref, "#"), "application/problem+json"
	} else if len(documented.Content) == 0 {
		if a.body != "" {
			return "a body where none is documented"
		}
		return ""
	}
	if got := a.header.Get("Content-Type"); got != media {
		return "media type " + got
	}
	pointer += "/content/" + strings.ReplaceAll(media, "/", "~1") + "/schema"
	schema := s.compiled[pointer]
	if schema == nil {
		var err error
		if schema, err = s.schemas.Compile("openapi.json#" + pointer); err != nil {
			t.Fatal(err)
		}
		s.compiled[pointer] = schema
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err != nil {
		return err.Error()
	}
	if err := schema.Validate(body); err != nil {
		return err.Error()
	}
	return ""
}

// address fills in the path with things that there are.
func (o *operation) address(with map[string]string) string {
	path := o.path
	for name, value := range with {
		path = strings.ReplaceAll(path, "{"+name+"}", value)
	}
	return path
}

// known are things that there are after [rig.fill].
func known() map[string]string {
	return map[string]string{
		"owner": "acme", "account": "A-1", "contact": "c1", "contact_type": "billing", "smtp_settings": "main", "canned_email": "mail",
		"endpoint": "erp", "subscription": "hook", "queue": "ledger", "sequence": "1", "delivery": "dlv_none", "api_key": "none", "plan": "pln_none",
		"address": "ada@example.com",
	}
}
