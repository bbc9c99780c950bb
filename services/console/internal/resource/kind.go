// Package resource is what an owner configures, as the API offers it: one
// description per kind of resource, from which the same six operations are made
// for all of them. It refuses to know a rule of any resource: what is saved goes
// through config/store.
package resource

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/document"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
)

// at is where a resource is.
type at struct {
	owner string
	// account is that of contacts.
	account string
	id      string
	// own tells which ids are within the reach of the caller's key; nil for all.
	own func(id string) bool
}

// found is a resource as an owner reads it.
type found struct {
	document any
	revision uint64
}

// kind describes one kind of resource. W is its document as it is written.
type kind[W any] struct {
	// one and many name it in the ids of operations: Endpoint, Endpoints; noun
	// is what people call one.
	one, many, noun string
	// path is that of the list; id is the name of the last part of a resource's
	// own path.
	path, id string
	on       access.Resource
	// read is the type of the document as it is read.
	read reflect.Type
	// issues says that a save may make a secret, which its answer shows.
	issues bool
	// sorts are the orders of the list beside that by id, none where the list
	// has an order of its own; filters narrow it down.
	sorts   []string
	filters []api.Param

	list   lister
	find   func(context.Context, at) (found, error)
	put    func(context.Context, *store.Store, at, W) (setup.Change, error)
	remove func(context.Context, *store.Store, at) (setup.Change, error)

	// example is a document as it is written; shown as it is read.
	example, shown string
}

// routes returns the operations of a kind.
func routes[W any](k kind[W]) []api.Route {
	item := k.path + "/{" + k.id + "}"
	tag := string(k.on)
	write := reflect.TypeFor[W]()
	saved := api.Answer{Status: http.StatusOK, Type: k.read, Issued: k.issues, Tagged: true, Example: json.RawMessage(k.shown)}
	created, either := saved, saved
	created.Status, either.Also = http.StatusCreated, http.StatusCreated
	takes := func(media ...string) *api.Body {
		return &api.Body{Type: write, Media: media, Example: json.RawMessage(k.example)}
	}
	patch := takes(api.MergePatch, api.JSON)
	patch.Partial, patch.Example = true, json.RawMessage(`{"name": "Renamed"}`)
	if k.on == access.Contacts {
		patch.Example = json.RawMessage(`{"title": "Head of Finance"}`)
	}
	out := []api.Route{
		{
			Method: http.MethodGet, Path: k.path, ID: "list" + k.many, Summary: "List " + k.noun + "s", Verb: access.Read,
			Query:  append(paging(k.sorts), k.filters...),
			Answer: api.Answer{Status: http.StatusOK, Type: k.read, List: true, Example: json.RawMessage(`{"items": [` + k.shown + `]}`)},
			Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return serveList(ctx, k, r) },
		},
		{
			Method: http.MethodPost, Path: k.path, ID: "create" + k.one, Summary: "Create a " + k.noun, Verb: access.Create,
			Body: takes(api.JSON), Answer: created, Remembered: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return serveCreate(ctx, k, r) },
		},
		{
			Method: http.MethodGet, Path: item, ID: "get" + k.one, Summary: "Get a " + k.noun, Verb: access.Read,
			Answer: api.Answer{Status: http.StatusOK, Type: k.read, Tagged: true, Example: json.RawMessage(k.shown)}, Conditional: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return serveGet(ctx, k, r) },
		},
		{
			Method: http.MethodPut, Path: item, ID: "replace" + k.one, Summary: "Replace a " + k.noun + ", or create it", Verb: access.Change,
			Body: takes(api.JSON), Answer: either, Conditional: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return serveReplace(ctx, k, r) },
		},
		{
			Method: http.MethodPatch, Path: item, ID: "patch" + k.one, Summary: "Change members of a " + k.noun, Verb: access.Change,
			Body: patch, Answer: saved, Conditional: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return servePatch(ctx, k, r) },
		},
	}
	if k.remove != nil {
		out = append(out, api.Route{
			Method: http.MethodDelete, Path: item, ID: "delete" + k.one, Summary: "Delete a " + k.noun, Verb: access.Delete,
			Answer: api.Answer{Status: http.StatusNoContent}, Conditional: true,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return serveDelete(ctx, k, r) },
		})
	}
	for i := range out {
		out[i].Tag, out[i].On = tag, k.on
	}
	return out
}

// paging are the parameters of every list.
func paging(sorts []string) []api.Param {
	out := []api.Param{
		{Name: "limit", About: "greatest number of items, 1 to 1,000; 100 when not given", Kind: api.Whole},
		{Name: "cursor", About: "next of the page before; a list begins without it"},
	}
	if len(sorts) > 0 {
		var orders []string
		for _, s := range sorts {
			orders = append(orders, s, "-"+s)
		}
		out = append(out, api.Param{Name: "sort", About: "order; - reverses it", Enum: orders})
	}
	return out
}

func (k *kind[W]) at(r *api.Request) at {
	where := at{owner: r.Owner, id: r.Path(k.id)}
	switch k.on {
	case access.Contacts:
		where.account = r.Path("account")
	case access.Endpoints, access.Queues:
		where.own = func(id string) bool { return access.Own(&r.Caller.Key, k.on, id) }
	}
	return where
}

// reach makes what is not within the reach of the key a thing that there is not.
func (w at) reach() error {
	if w.own != nil && !w.own(w.id) {
		return fault.New(fault.NotFound, "find", w.id, nil)
	}
	return nil
}

func serveList[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	p, err := k.list(ctx, k.at(r), r.Page())
	return &api.Reply{Body: p}, err
}

func serveGet[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	where := k.at(r)
	if err := where.reach(); err != nil {
		return nil, err
	}
	f, err := k.find(ctx, where)
	if err != nil {
		return nil, unknown(err)
	}
	if r.Unchanged(f.revision) {
		return &api.Reply{Status: http.StatusNotModified, Revision: f.revision}, nil
	}
	return &api.Reply{Body: f.document, Revision: f.revision}, nil
}

// unknown makes what is no identifier a thing that there is not: it is a part of
// the address.
func unknown(err error) error {
	for _, p := range fault.ProblemsOf(err) {
		if p.Rule == "id.form" {
			return fault.New(fault.NotFound, "find", "", nil)
		}
	}
	return err
}

func serveCreate[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	v, err := r.Document()
	if err != nil {
		return nil, err
	}
	where := k.at(r)
	where.id, _ = v.Peek("id")
	c, err := save(ctx, k, saving{r.Store.On(store.Condition{Absent: true}), where, v})
	if err != nil {
		return nil, err
	}
	reply := saved(c)
	reply.Location = location(k.path, where)
	return reply, nil
}

func location(path string, where at) string {
	return strings.NewReplacer("{owner}", where.owner, "{account}", where.account).Replace(path) + "/" + where.id
}

func serveReplace[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	v, err := r.Document()
	if err != nil {
		return nil, err
	}
	c, err := save(ctx, k, saving{r.Store, k.at(r), v})
	if err != nil {
		return nil, err
	}
	reply := saved(c)
	if c.Action == setup.Created {
		reply.Status, reply.Location = http.StatusCreated, location(k.path, k.at(r))
	}
	return reply, nil
}

// patches is how often a patch is made anew because somebody changed what it was
// made on.
const patches = 5

func servePatch[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	patch, err := r.Document()
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		c, err := k.patch(ctx, r, patch)
		switch asked := r.Condition.Revision != 0; {
		case err == nil:
			return saved(c), nil
		case asked || n == patches || !errors.Is(err, store.ErrRevision):
			return nil, err
		}
	}
}

// patch makes a patch on what there is now.
func (k *kind[W]) patch(ctx context.Context, r *api.Request, patch *document.Value) (setup.Change, error) {
	where := k.at(r)
	if err := where.reach(); err != nil {
		return setup.Change{}, err
	}
	f, err := k.find(ctx, where)
	if err != nil {
		return setup.Change{}, unknown(err)
	}
	text, err := json.Marshal(f.document)
	if err != nil {
		return setup.Change{}, fault.New(fault.Internal, "encode", where.id, err)
	}
	former, problems := document.ParseJSON(text)
	if problems != nil {
		return setup.Change{}, fault.New(fault.Internal, "read stored", where.id, problems)
	}
	on := r.Condition
	if on.Revision == 0 {
		on.Revision = f.revision
	}
	return save(ctx, *k, saving{r.Store.On(on), where, former.Merge(patch)})
}

// saving is a document on its way into the store.
type saving struct {
	store *store.Store
	at    at
	value *document.Value
}

// save reads a document strictly and saves it. The id, which the address says
// too, may be left out.
func save[W any](ctx context.Context, k kind[W], s saving) (setup.Change, error) {
	if err := s.at.reach(); err != nil {
		return setup.Change{}, err
	}
	var problems fault.Problems
	given, ok := s.value.Peek("id")
	switch {
	case s.at.id == "":
	case !s.value.Has("id"):
		s.value.Set("id", s.at.id)
	case ok && given != s.at.id:
		problems = append(problems, fault.Problem{Pointer: "/id", Rule: "address.other", Detail: "the address says " + s.at.id})
	}
	var w W
	if problems = append(problems, s.value.Decode(&w)...); len(problems) > 0 {
		return setup.Change{}, problems
	}
	return k.put(ctx, s.store, s.at, w)
}

func serveDelete[W any](ctx context.Context, k kind[W], r *api.Request) (*api.Reply, error) {
	where := k.at(r)
	if err := where.reach(); err != nil {
		return nil, err
	}
	if _, err := k.remove(ctx, r.Store, where); err != nil {
		return nil, unknown(err)
	}
	return &api.Reply{}, nil
}

// saved is the answer to a change.
func saved(c setup.Change) *api.Reply {
	return &api.Reply{Body: api.WithIssued(c.After, c.Issued, c.PublicKey), Revision: c.Revision}
}
