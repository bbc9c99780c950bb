package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
	"github.com/billhook/billhook/shared/problem"
	"github.com/billhook/billhook/streams/audit"
)

func audits(d Deps) []api.Route {
	const shown = `{"seq": 7, "at": "2026-11-24T09:00:00Z", "owner": "acme", "actor": {"kind": "key", "id": "0123456789abcdef", "role": "admin", "from": "192.0.2.1"}, "verb": "create", "resource": "endpoints", "id": "erp", "after": "5f3b"}`
	return []api.Route{{
		Method: http.MethodGet, Path: ofOwner + "/audit", ID: "listAudit", Summary: "List who changed what, newest first",
		Tag: string(access.Audit), Verb: access.Read, On: access.Audit,
		Query: append(span(), api.Param{Name: "actor", About: "only by this key, NATS user or kind of actor"},
			api.Param{Name: "resource", About: "only of this resource, such as endpoints"}, api.Param{Name: "id", About: "only of this id"}),
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[audit.Entry](), List: true, Example: json.RawMessage(`{"items": [` + shown + `]}`),
		},
		Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listAudit(ctx, d, r) },
	}}
}

func listAudit(ctx context.Context, d Deps, r *api.Request) (*api.Reply, error) {
	if resource := r.Query("resource"); resource != "" { // a misspelt one would look as if nothing had happened
		if wrong := access.Resource(resource).Check("/resource"); wrong != nil {
			return nil, problem.Refused(wrong)
		}
	}
	a := r.Page()
	from, err := a.After()
	if err != nil {
		return nil, err
	}
	entries, next, err := audit.List(ctx, d.JetStream, audit.Query{
		Owner: r.Owner, Actor: r.Query("actor"), Resource: r.Query("resource"), ID: r.Query("id"),
		Since: a.Since, Until: a.Until, Before: from.Seq, Limit: a.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := page.Page{Items: []any{}}
	for i := range entries {
		out.Items = append(out.Items, entries[i])
	}
	if next != 0 {
		out.Next = a.At(page.Spot{Seq: next})
	}
	return &api.Reply{Body: out}, nil
}
