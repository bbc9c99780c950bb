package api

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/rs/zerolog"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/caller"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/id"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/shared/web"
	"github.com/billhook/billhook/streams/audit"
)

// Desk tells who calls.
type Desk interface {
	// Identify fails with a [caller.Refusal], or with what the keys could not be
	// read for.
	Identify(*http.Request) (caller.Caller, error)
}

// Memory remembers the answers to requests that must not be repeated.
type Memory interface {
	// Once returns the remembered answer to a request, or has it made and
	// remembers it.
	Once(ctx context.Context, ask Ask, perform func(context.Context) *Recorded) (*Recorded, error)
}

// Lists are the lists of this instance.
type Lists interface {
	// Await returns once they are up to a revision of a bucket.
	Await(ctx context.Context, bucket string, revision uint64) error
}

// Ask is a request in the eyes of a [Memory].
type Ask struct {
	// Owner and Caller are whose key of idempotency this is.
	Owner, Caller string
	Key           string
	// Request is all that tells one request from another.
	Request []byte
}

// Recorded is a whole answer.
type Recorded struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   []byte            `json:"body"`
}

// Deps are what the frame works with.
type Deps struct {
	Desk   Desk
	Memory Memory
	Store  *store.Store
	// Lists are what an answer to a change waits for.
	Lists Lists
	// Exists reports whether there is an owner of an id.
	Exists func(owner string) bool
	Logger zerolog.Logger
	// Rand is where the ids of requests are drawn from.
	Rand io.Reader
}

// API answers the requests of a table of routes.
type API struct {
	deps     Deps
	mux      web.Mux
	methods  []string
	document []byte
}

// New returns the API of the routes, with the document about them.
func New(deps Deps, about About, routes []Route) (*API, error) {
	a := &API{deps: deps}
	doc, err := Document(about, routes)
	if err != nil {
		return nil, err
	}
	a.document = doc
	adapter := humago.NewAdapter(&a.mux, "")
	for i := range routes {
		r := &routes[i]
		if r.Serve == nil {
			continue
		}
		if !slices.Contains(a.methods, r.Method) {
			a.methods = append(a.methods, r.Method)
		}
		adapter.Handle(&huma.Operation{Method: r.Method, Path: r.Path}, func(c huma.Context) {
			req, w := humago.Unwrap(c)
			a.serve(w, req, r)
		})
	}
	a.mux.HandleFunc("GET /openapi.json", a.openAPI)
	a.mux.HandleFunc("/", a.nothing)
	return a, nil
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set(requestID, a.draw())
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	a.mux.ServeHTTP(w, r)
}

// requestID is the header by which an answer names its request; the log and the
// audit name it so too.
const requestID = "X-Request-Id"

// draw returns an id for a request; empty where there is no randomness, which is
// no reason not to answer.
func (a *API) draw() string {
	raw := make([]byte, 8)
	if _, err := io.ReadFull(a.deps.Rand, raw); err != nil {
		return ""
	}
	return "req_" + hex.EncodeToString(raw)
}

func (a *API) openAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", JSON)
	_, _ = w.Write(a.document) // a client that went away is no failure of ours
}

// nothing answers what no route answers: a method that is not there is told from
// an address that is not.
func (a *API) nothing(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range a.methods {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := a.mux.Handler(other); strings.HasPrefix(pattern, m+" ") {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		problem.Nothing().Write(w)
		return
	}
	p := problem.New(http.StatusMethodNotAllowed, problem.Method, "this address has other methods")
	p.Allow = strings.Join(allowed, ", ")
	p.Write(w)
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, route *Route) {
	req, err := a.admit(w, r, route)
	var answer *Recorded
	if err == nil {
		answer, err = a.answer(r, req, route)
	}
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // a client that went away is no failure of ours
}

// refuse answers with a problem and logs what an operator has to look at.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		a.deps.Logger.Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Str("request", w.Header().Get(requestID)).Msg("request not answered")
	}
	p.Write(w)
}

// admit lets a request in: who calls, for whom, whether the key may, and whether
// the request has the right form, in this order, so that nobody learns more than
// the key allows.
func (a *API) admit(w http.ResponseWriter, r *http.Request, route *Route) (*Request, error) {
	who, err := a.deps.Desk.Identify(r)
	if err != nil {
		return nil, err
	}
	req := &Request{Caller: who, Owner: r.PathValue("owner"), http: r, changed: map[string]uint64{}}
	if req.Owner != "" && (!id.Valid(req.Owner) || !access.ActsFor(&who.Key, req.Owner)) {
		return nil, fault.New(fault.NotFound, "find owner", req.Owner, nil)
	}
	if !access.Allowed(who.Key.Role, route.Verb, route.On) {
		return nil, fault.New(fault.Denied, "use", string(route.On), nil)
	}
	if req.Owner != "" && !a.deps.Exists(req.Owner) && route.On != access.Owners {
		return nil, fault.New(fault.NotFound, "find owner", req.Owner, nil)
	}
	if req.query, err = read(route.Query, r.URL.RawQuery); err != nil {
		return nil, err
	}
	if route.Conditional && route.changes() {
		if req.Condition, err = condition(r.Header); err != nil {
			return nil, err
		}
	}
	req.Body, err = body(w, r, route.Body)
	req.Store = a.deps.Store.As(actor(&who, w.Header().Get(requestID))).Telling(req.note).On(req.Condition)
	return req, err
}

// actor is who acts, for the audit.
func actor(c *caller.Caller, request string) audit.Actor {
	return audit.Actor{
		Kind: audit.Key, ID: c.Key.ID, Role: string(c.Key.Role), Name: c.Key.Name, From: c.From, Request: request,
	}
}

// body reads the body of a route that takes one.
func body(w http.ResponseWriter, r *http.Request, b *Body) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	return web.ReadBody(w, r, web.Wanted{Media: b.Media, Most: document.MaxBytes})
}
