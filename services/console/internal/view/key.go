package view

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/apikey"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/services/console/internal/page"
)

// Key is an API key as it is shown.
type Key struct {
	ID        string      `json:"id"`
	Name      string      `json:"name,omitempty"`
	Role      apikey.Role `json:"role"`
	Endpoints []string    `json:"endpoints,omitempty"`
	Queues    []string    `json:"queues,omitempty"`
	CreatedAt time.Time   `json:"created_at"`
	ExpiresAt time.Time   `json:"expires_at,omitzero"`
	RevokedAt time.Time   `json:"revoked_at,omitzero"`
}

// NewKey is an API key as it is asked for.
type NewKey struct {
	Name string      `json:"name,omitempty"`
	Role apikey.Role `json:"role"`
	// Endpoints and Queues are those of a subscriber.
	Endpoints []string  `json:"endpoints,omitempty"`
	Queues    []string  `json:"queues,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

func shownKey(k *apikey.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Role: k.Role, Endpoints: k.Endpoints, Queues: k.Queues,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt,
	}
}

const exampleKey = `{"id": "0123456789abcdef", "name": "platform", "role": "publisher", "created_at": "2026-11-24T09:00:00Z"}`

func keys(_ Deps) []api.Route {
	const path = ofOwner + "/api-keys"
	out := []api.Route{
		{
			Method: http.MethodGet, Path: path, ID: "listAPIKeys", Summary: "List API keys, revoked ones too", Verb: access.Read,
			Query: []api.Param{
				{Name: "limit", About: "greatest number of items, 1 to 1,000; 100 when not given", Kind: api.Whole},
				{Name: "cursor", About: "next of the page before; a list begins without it"},
			},
			Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[Key](), List: true, Example: json.RawMessage(`{"items": [` + exampleKey + `]}`)},
			Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return listKeys(ctx, r) },
		},
		{
			Method: http.MethodPost, Path: path, ID: "createAPIKey", Summary: "Make an API key; the answer alone has its text", Verb: access.Create,
			Body: &api.Body{
				Type: reflect.TypeFor[NewKey](), Media: []string{api.JSON}, Example: json.RawMessage(`{"name": "platform", "role": "publisher"}`),
			},
			Answer: api.Answer{
				Status: http.StatusCreated, Type: reflect.TypeFor[Key](), Issued: true,
				Example: json.RawMessage(exampleKey),
			},
			Remembered: true,
			Serve:      func(ctx context.Context, r *api.Request) (*api.Reply, error) { return createKey(ctx, r) },
		},
		{
			Method: http.MethodDelete, Path: path + "/{api_key}", ID: "revokeAPIKey", Summary: "Revoke an API key, for good", Verb: access.Delete,
			Answer: api.Answer{Status: http.StatusNoContent},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				return &api.Reply{}, addressed(r.Store.RevokeKey(ctx, r.Owner, r.Path("api_key")))
			},
		},
	}
	for i := range out {
		out[i].Tag, out[i].On = string(access.APIKeys), access.APIKeys
	}
	return out
}

func listKeys(ctx context.Context, r *api.Request) (*api.Reply, error) {
	all, err := r.Store.Keys(ctx, r.Owner)
	if err != nil {
		return nil, err
	}
	var items iter.Seq[page.Item] = func(yield func(page.Item) bool) {
		for i := range all {
			if !yield(page.Item{ID: all[i].ID, Document: shownKey(&all[i])}) {
				return
			}
		}
	}
	p, err := page.Select(items, r.Page())
	return &api.Reply{Body: p}, err
}

func createKey(ctx context.Context, r *api.Request) (*api.Reply, error) {
	var want NewKey
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	made, text, err := r.Store.CreateKey(ctx, r.Owner, apikey.Key{
		Name: want.Name, Role: want.Role, Endpoints: want.Endpoints, Queues: want.Queues, ExpiresAt: want.ExpiresAt,
	})
	if err != nil {
		return nil, err
	}
	return &api.Reply{Body: api.WithIssued(shownKey(&made), text, "")}, nil
}

// decode reads the body strictly.
func decode(r *api.Request, into any) error {
	v, err := r.Document()
	if err != nil {
		return err
	}
	return v.Decode(into).Or()
}
