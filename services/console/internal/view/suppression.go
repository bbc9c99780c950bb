package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/suppression"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/shared/fault"
	"github.com/billhook/billhook/shared/problem"
)

const shownSuppression = `{"address": "ada@example.com", "by": "reader", "since": "2026-11-24T09:00:00Z"}`

func suppressions(d Deps) []api.Route {
	const path = ofOwner + "/suppressions"
	one := api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[suppression.Entry](), Example: json.RawMessage(shownSuppression)}
	either := one
	either.Also = http.StatusCreated
	out := []api.Route{
		{
			Method: http.MethodGet, Path: path, ID: "listSuppressions", Verb: access.Read, Query: paged(),
			Summary: "List the addresses that get no emails but what is owed to them, in the order in which they came onto the list",
			Answer:  api.Answer{Status: http.StatusOK, Type: one.Type, List: true, Example: json.RawMessage(`{"items": [` + shownSuppression + `]}`)},
			Serve:   func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listSuppressions(ctx, d, r) },
		},
		{
			Method: http.MethodGet, Path: path + "/{address}", ID: "getSuppression", Summary: "Say since when an address is on the list, and by whom",
			Verb: access.Read, Answer: one,
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				e, err := suppression.Open(d.JetStream).Get(ctx, r.Owner, r.Path("address"))
				return &api.Reply{Body: e}, spelt(err)
			},
		},
		{
			Method: http.MethodPut, Path: path + "/{address}", ID: "suppress", Summary: "Put an address on the list",
			Verb: access.Create, Answer: either,
			Serve: suppress,
		},
		{
			Method: http.MethodDelete, Path: path + "/{address}", ID: "unsuppress", Summary: "Take an address off the list, because its reader asks for that",
			Verb: access.Delete, Answer: api.Answer{Status: http.StatusNoContent},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				removed, err := r.Store.Unsuppress(ctx, r.Owner, r.Path("address"))
				if err == nil && !removed {
					err = fault.New(fault.NotFound, "find suppression of owner", r.Owner, nil)
				}
				return &api.Reply{}, spelt(err)
			},
		},
	}
	for i := range out {
		out[i].Tag, out[i].On = string(access.Suppressions), access.Suppressions
	}
	return out
}

func listSuppressions(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	a := r.Page()
	from, err := a.After()
	if err != nil {
		return nil, err
	}
	found, err := suppression.Open(d.JetStream).Page(ctx, r.Owner, from.Seq, a.Limit)
	if err != nil {
		return nil, err
	}
	out := page.Page{Items: []any{}}
	for _, e := range found.Entries {
		out.Items = append(out.Items, e)
	}
	if found.More {
		out.Next = a.At(page.Spot{Seq: found.Last})
	}
	return &api.Reply{Body: out}, nil
}

func suppress(ctx context.Context, r *api.Request) (*api.Reply, error) {
	e, added, err := r.Store.Suppress(ctx, r.Owner, r.Path("address"))
	if err != nil {
		return nil, spelt(err)
	}
	reply := &api.Reply{Body: e}
	if added {
		reply.Status = http.StatusCreated
	}
	return reply, nil
}

// spelt says of what is no address that it is none: it is a part of the request's
// own address.
func spelt(err error) error {
	if fault.KindOf(err) == fault.Invalid {
		return problem.Parameter("address", "address.form", err.Error())
	}
	return err
}
