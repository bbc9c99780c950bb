package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/tokens"
)

// Catalogue is what there is to subscribe to, and with which values.
type Catalogue struct {
	Events []EventType `json:"events"`
	Tokens []Token     `json:"tokens"`
}

// EventType is a type of events.
type EventType struct {
	Type    string        `json:"type"`
	Name    string        `json:"name"`
	Context string        `json:"context"`
	Origin  tokens.Origin `json:"origin"`
	// Subscribable is false for events that are input only.
	Subscribable bool `json:"subscribable"`
	Invoicing    bool `json:"invoicing"`
	// Tokens are the names of those that the event offers on some channel.
	Tokens []string `json:"tokens"`
}

// Token is a value that templates, parameters and filters may use.
type Token struct {
	Name        string      `json:"name"`
	Group       string      `json:"group"`
	Type        tokens.Type `json:"type"`
	Description string      `json:"description,omitempty"`
	Email       bool        `json:"email"`
	Webhook     bool        `json:"webhook"`
	Example     string      `json:"example,omitempty"`
}

func catalogue(d Deps) []api.Route {
	return []api.Route{{
		Method: http.MethodGet, Path: "/v1/catalogue", ID: "getCatalogue", Summary: "Get the events and tokens that there are", Tag: "catalogue",
		Verb: access.Read, On: access.Catalogue,
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[Catalogue](),
			Example: json.RawMessage(`{"events": [{"type": "invoice.posted", "name": "Invoice Posted", "context": "Invoice", "origin": "seed", "subscribable": true, "invoicing": true, "tokens": ["Invoice.Number"]}], "tokens": [{"name": "Invoice.Number", "group": "Invoice", "type": "string", "email": true, "webhook": true}]}`),
		},
		Serve: func(_ context.Context, _ *api.Request) (*api.Reply, error) {
			return &api.Reply{Body: shownCatalogue(d.Catalogue)}, nil
		},
	}}
}

func shownCatalogue(c *tokens.Catalogue) Catalogue {
	var out Catalogue
	all := c.Tokens()
	for _, t := range all {
		out.Tokens = append(out.Tokens, Token{
			Name: t.Name, Group: t.Group, Type: t.Type, Description: t.Description, Email: t.Email, Webhook: t.Webhook, Example: t.Example,
		})
	}
	for _, e := range c.Events() {
		shown := EventType{
			Type: e.Type, Name: e.Name, Context: e.Context, Origin: e.Origin, Subscribable: e.Subscribable(), Invoicing: e.Invoicing, Tokens: []string{},
		}
		for _, t := range all {
			if e.Offers(t) {
				shown.Tokens = append(shown.Tokens, t.Name)
			}
		}
		out.Events = append(out.Events, shown)
	}
	return out
}
