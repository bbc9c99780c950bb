package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

// About is what the document says of the API as a whole.
type About struct {
	Title, Version, Text string
	// Server is the address of this API.
	Server string
}

// Document returns the OpenAPI 3.1 document of the routes.
func Document(about About, routes []Route) ([]byte, error) {
	w := writer{schemas: newSchemas(), about: about}
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: about.Title, Version: about.Version, Description: about.Text,
			License: &huma.License{Name: "MIT", Identifier: "MIT"},
		},
		Tags:    tags(routes),
		Servers: []*huma.Server{{URL: about.Server, Description: "the management API"}},
		Components: &huma.Components{
			Schemas:         w.Registry,
			SecuritySchemes: map[string]*huma.SecurityScheme{"key": {Type: "http", Scheme: "bearer", Description: "an API key, bhk_…"}},
		},
		Security: []map[string][]string{{"key": {}}},
	}
	for i := range routes {
		if s := w.server(&routes[i]); s != nil && !slices.ContainsFunc(doc.Servers, func(known *huma.Server) bool { return known.URL == s.URL }) {
			doc.Servers = append(doc.Servers, s)
		}
	}
	doc.Components.Responses = w.refusals(routes)
	for i := range routes {
		doc.AddOperation(w.operation(&routes[i]))
	}
	w.finish(w.types)
	t := readTexts()
	t.describe(w.Map())
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, fault.New(fault.Internal, "write document", about.Title, err)
	}
	return b.Bytes(), nil
}

// writer writes operations.
type writer struct {
	schemas
	about About
	types []reflect.Type
}

func (w *writer) operation(r *Route) *huma.Operation {
	op := &huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: r.ID, Summary: r.Summary, Tags: []string{r.Tag},
		Description: "Needs the right to " + string(r.Verb) + " " + strings.ReplaceAll(string(r.On), "-", " ") + ".",
		Parameters:  parameters(r),
		Responses:   map[string]*huma.Response{},
		// For programs that look at the whole table of rights.
		Extensions: map[string]any{"x-right": map[string]string{"verb": string(r.Verb), "resource": string(r.On)}},
	}
	if s := w.server(r); s != nil {
		op.Servers = []*huma.Server{s}
	}
	if r.Body != nil {
		op.RequestBody = w.body(r.Body)
	}
	success := w.answer(&r.Answer)
	op.Responses[strconv.Itoa(r.Answer.Status)] = success
	if r.Answer.Also != 0 {
		op.Responses[strconv.Itoa(r.Answer.Also)] = success
	}
	if r.Answer.Bare != 0 {
		op.Responses[strconv.Itoa(r.Answer.Bare)] = &huma.Response{Description: http.StatusText(r.Answer.Bare)}
	}
	if r.Conditional && !r.changes() {
		op.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{Description: "the client has it", Headers: tag()}
	}
	for _, status := range r.Refusals() {
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + refusalName(status)}
	}
	return op
}

// server is where an operation is answered that is not at the address of this API;
// nil for the others.
func (w *writer) server(r *Route) *huma.Server {
	if r.Elsewhere == nil || r.Elsewhere.URL == w.about.Server {
		return nil
	}
	return &huma.Server{URL: r.Elsewhere.URL, Description: r.Elsewhere.About}
}

// Refusals are the statuses of all problems that the operation may answer with.
func (r *Route) Refusals() []int {
	all := append([]int{
		http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
	}, r.Errors...)
	if slices.ContainsFunc(apikey.Roles(), func(role apikey.Role) bool { return !access.Allowed(role, r.Verb, r.On) }) {
		all = append(all, http.StatusForbidden)
	}
	if r.Conditional && r.changes() {
		all = append(all, http.StatusConflict, http.StatusPreconditionFailed)
	}
	if r.Remembered { // under way, and another request of the same key
		all = append(all, http.StatusConflict, http.StatusUnprocessableEntity)
	}
	if strings.Contains(r.Path, "{") {
		all = append(all, http.StatusNotFound)
	}
	// A query may always hold a parameter that there is not.
	all = append(all, http.StatusBadRequest)
	if r.Body != nil {
		all = append(all, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// inPath finds the parts of a path that are parameters.
var inPath = regexp.MustCompile(`\{([a-z_]+)\}`)

// inPathAbout says what a part of a path is: but for places in a stream and addresses, an id.
func inPathAbout(name string) string {
	switch name {
	case "sequence":
		return "place in the log of events"
	case "address":
		return "mail address, as one part of the path"
	}
	return "id of the " + strings.ReplaceAll(name, "_", " ")
}

func parameters(r *Route) []*huma.Param {
	var out []*huma.Param
	for _, name := range inPath.FindAllStringSubmatch(r.Path, -1) {
		out = append(out, &huma.Param{Name: name[1], In: "path", Required: true, Description: inPathAbout(name[1]), Schema: &huma.Schema{Type: huma.TypeString}})
	}
	for _, p := range r.Query {
		out = append(out, &huma.Param{Name: p.Name, In: "query", Description: p.About, Schema: p.schema()})
	}
	header := func(name, about string) {
		out = append(out, &huma.Param{Name: name, In: "header", Description: about, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	if r.Remembered {
		header("Idempotency-Key", "a text of the client's choice: the same request with it is done once within a day, and answered the same")
	}
	if r.Conditional && r.changes() {
		header("If-Match", "the ETag of what is to be changed, or *: otherwise nothing is changed")
		header("If-None-Match", "*: nothing is changed where there is something")
	}
	if r.Conditional && !r.changes() {
		header("If-None-Match", "the ETag that the client has")
	}
	return out
}

func (p *Param) schema() *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, word := range p.Enum {
		s.Enum = append(s.Enum, word)
	}
	switch p.Kind {
	case Whole:
		s.Type, s.Minimum, s.Maximum = huma.TypeInteger, new(float64(1)), new(float64(1000))
	case Moment:
		s.Format = "date-time"
	case Flag:
		s.Type = huma.TypeBoolean
	case Text, ID:
	}
	return s
}

func (w *writer) body(b *Body) *huma.RequestBody {
	schema := &huma.Schema{Type: huma.TypeString}
	if b.Type != nil {
		w.types = append(w.types, b.Type)
		if schema = w.of(b.Type); b.Partial {
			schema = w.partial(b.Type)
		}
	}
	out := &huma.RequestBody{Required: !b.Optional, Content: map[string]*huma.MediaType{}}
	for _, media := range b.Media {
		out.Content[media] = &huma.MediaType{Schema: schema, Example: b.Example}
	}
	return out
}

func (w *writer) answer(a *Answer) *huma.Response {
	out := &huma.Response{Description: http.StatusText(a.Status)}
	if a.Tagged {
		out.Headers = tag()
	}
	if a.Type == nil {
		return out
	}
	w.types = append(w.types, a.Type)
	schema := w.of(a.Type)
	switch {
	case a.List:
		schema = w.list(a.Type)
	case a.Issued:
		schema = w.issued(a.Type)
	}
	out.Content = map[string]*huma.MediaType{JSON: {Schema: schema, Example: a.Example}}
	return out
}

func tag() map[string]*huma.Header {
	return map[string]*huma.Header{"ETag": {Description: "the revision of what holds it", Schema: &huma.Schema{Type: huma.TypeString}}}
}

// refusals are the problems of all routes, described once each.
func (w *writer) refusals(routes []Route) map[string]*huma.Response {
	out := map[string]*huma.Response{}
	schema := w.of(reflect.TypeFor[problem.Problem]())
	for i := range routes {
		for _, status := range routes[i].Refusals() {
			out[refusalName(status)] = &huma.Response{
				Description: http.StatusText(status),
				Content: map[string]*huma.MediaType{problem.MediaType: {
					Schema: schema, Example: problem.New(status, refusalCode(status), "what went wrong, for people"),
				}},
			}
		}
	}
	return out
}

// refusalName names the problem of a status: NotFound.
func refusalName(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// refusalCode is a code that a status may come with.
func refusalCode(status int) string {
	code, ok := map[int]string{
		http.StatusBadRequest: problem.Request, http.StatusUnauthorized: problem.Key, http.StatusTooManyRequests: problem.Key,
		http.StatusForbidden: problem.Denied, http.StatusNotFound: problem.NotFound, http.StatusConflict: problem.Conflict,
		http.StatusPreconditionFailed: problem.Revision, http.StatusRequestEntityTooLarge: problem.Size,
		http.StatusUnsupportedMediaType: problem.Media, http.StatusUnprocessableEntity: problem.Invalid,
		http.StatusServiceUnavailable: problem.Unavailable,
	}[status]
	if !ok {
		return problem.Internal
	}
	return code
}
