package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
)

// deleteFor bounds a deletion within a request: asked for again it goes on.
const deleteFor = 45 * time.Second

const shownHoldings = `{"accounts": 1200, "contact_types": 2, "smtp_settings": 1, "canned_emails": 3, "endpoints": 2, "subscriptions": 4, "queues": 1, "api_keys": 2, "remembered": 310}`

func owners(_ Deps) []api.Route {
	return []api.Route{{
		Method: http.MethodDelete, Path: ofOwner, ID: "deleteOwner",
		Summary: "Delete an owner; one that has something only with cascade, else the refusal counts it. The answer says what it had",
		Tag:     string(access.Owners), Verb: access.Delete, On: access.Owners, Conditional: true,
		Query:  []api.Param{{Name: "cascade", About: "true deletes all that the owner has, too", Kind: api.Flag}},
		Answer: api.Answer{Status: http.StatusOK, Type: reflect.TypeFor[store.Holdings](), Example: json.RawMessage(shownHoldings)},
		Serve:  func(ctx context.Context, r *api.Request) (*api.Reply, error) { return deleteOwner(ctx, r) },
	}}
}

func deleteOwner(ctx context.Context, r *api.Request) (*api.Reply, error) {
	bounded, cancel := context.WithTimeout(ctx, deleteFor)
	defer cancel()
	held, err := r.Store.DeleteOwner(bounded, r.Owner, r.Flag("cascade"))
	return &api.Reply{Body: held}, err
}
