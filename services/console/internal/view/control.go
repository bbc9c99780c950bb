package view

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/billhook/billhook/config/access"
	"github.com/billhook/billhook/config/control"
	"github.com/billhook/billhook/config/endpoint"
	"github.com/billhook/billhook/config/setup"
	"github.com/billhook/billhook/config/smtp"
	"github.com/billhook/billhook/config/store"
	"github.com/billhook/billhook/services/console/internal/api"
	"github.com/billhook/billhook/shared/fault"
)

// Rotation is how long former signing secrets go on beside the new one.
type Rotation struct {
	// Overlap is a duration such as 24h.
	Overlap string `json:"overlap"`
}

// Skipped names the failed delivery that is given up: by its id, by its account,
// or, with neither, the one of the only line.
type Skipped struct {
	Delivery string `json:"delivery,omitempty"`
	Account  string `json:"account,omitempty"`
}

// Beginning is where a replay begins.
type Beginning struct {
	// From is a sequence of an event, a moment in RFC 3339, or beginning.
	From string `json:"from"`
}

// addressed makes what is no identifier a thing that there is not: it was a part
// of the address.
func addressed(err error) error {
	for _, p := range fault.ProblemsOf(err) {
		if p.Rule == "id.form" && (p.Pointer == "/id" || p.Pointer == "/owner") {
			return fault.New(fault.NotFound, "find", "", nil)
		}
	}
	return err
}

// server answers a request of a route.
type server = func(context.Context, *api.Request) (*api.Reply, error)

// ownEndpoint lets requests about the endpoint of the address through that are
// within the reach of their key.
func ownEndpoint(serve server) server {
	return func(ctx context.Context, r *api.Request) (*api.Reply, error) {
		if !access.Own(&r.Caller.Key, access.Endpoints, r.Path("endpoint")) {
			return nil, fault.New(fault.NotFound, "find endpoint", r.Path("endpoint"), nil)
		}
		return serve(ctx, r)
	}
}

func endpointControls(d Deps) []api.Route {
	const path = ofOwner + "/endpoints/{endpoint}"
	change := func(do func(*store.Store, context.Context, string, string) error) server {
		return ownEndpoint(func(ctx context.Context, r *api.Request) (*api.Reply, error) {
			return &api.Reply{}, addressed(do(r.Store, ctx, r.Owner, r.Path("endpoint")))
		})
	}
	nothing := api.Answer{Status: http.StatusNoContent}
	out := []api.Route{
		{
			Method: http.MethodPost, Path: path + "/rotate-secret", ID: "rotateEndpointSecret", Summary: "Give an endpoint a new signing secret",
			Body: &api.Body{Type: reflect.TypeFor[Rotation](), Media: []string{api.JSON}, Example: json.RawMessage(`{"overlap": "24h"}`)},
			Answer: api.Answer{
				Status: http.StatusOK, Type: reflect.TypeFor[endpoint.Spec](), Issued: true, Tagged: true,
				Example: json.RawMessage(`{"id": "erp", "name": "ERP", "url": "https://hooks.example.com/billing", "issued": {"secret": "whsec_c2hvd24gdGhpcyBvbmNlIGFuZCBuZXZlciBhZ2Fpbg=="}}`),
			},
			Remembered: true, Serve: ownEndpoint(rotate),
		},
		{
			Method: http.MethodPost, Path: path + "/enable", ID: "enableEndpoint", Summary: "Have an endpoint go on, and be tried at once",
			Answer: nothing, Serve: change((*store.Store).EnableEndpoint),
		},
		{
			Method: http.MethodPost, Path: path + "/disable", ID: "disableEndpoint", Summary: "Have what comes for an endpoint wait",
			Answer: nothing, Serve: change((*store.Store).DisableEndpoint),
		},
	}
	for i := range out {
		out[i].Tag, out[i].Verb, out[i].On = string(access.Endpoints), access.Control, access.Endpoints
	}
	return append(out, api.Route{
		Method: http.MethodGet, Path: path + "/status", ID: "getEndpointStatus", Summary: "Say how an endpoint stands",
		Tag: string(access.Endpoints), Verb: access.Read, On: access.Endpoints,
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[store.EndpointStatus](),
			Example: json.RawMessage(`{"endpoint": "erp", "url": "https://hooks.example.com/billing", "state": {}, "waiting": 0}`),
		},
		Serve: ownEndpoint(func(ctx context.Context, r *api.Request) (*api.Reply, error) {
			status, err := d.Store.EndpointStatus(ctx, r.Owner, r.Path("endpoint"))
			return &api.Reply{Body: status}, addressed(err)
		}),
	})
}

func rotate(ctx context.Context, r *api.Request) (*api.Reply, error) {
	var want Rotation
	if err := decode(r, &want); err != nil {
		return nil, err
	}
	overlap, err := time.ParseDuration(want.Overlap)
	if err != nil {
		return nil, fault.Problems{{Pointer: "/overlap", Rule: "duration.form", Detail: "must be a duration such as 24h"}}
	}
	c, err := r.Store.RotateSecret(ctx, r.Owner, r.Path("endpoint"), overlap)
	if err != nil {
		return nil, addressed(err)
	}
	return &api.Reply{Body: api.WithIssued(c.After, c.Issued, c.PublicKey), Revision: c.Revision}, nil
}

func smtpControls(_ Deps) []api.Route {
	return []api.Route{{
		Method: http.MethodPost, Path: ofOwner + "/smtp-settings/{smtp_settings}/make-default", ID: "makeSMTPSettingsDefault",
		Summary: "Make SMTP settings the owner's default", Tag: string(access.SMTPSettings), Verb: access.Control, On: access.SMTPSettings,
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[smtp.Document](), Tagged: true,
			Example: json.RawMessage(`{"id": "main", "name": "Our relay", "host": "mail.example.com", "from_address": "billing@example.com", "default": true}`),
		},
		Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
			c, err := r.Store.SetDefaultSMTP(ctx, r.Owner, r.Path("smtp_settings"))
			return &api.Reply{Body: c.After, Revision: c.Revision}, addressed(err)
		},
	}}
}

// asks is one thing that is asked of a subscription in order.
type asks struct {
	word, summary string
	body          *api.Body
	do            func(context.Context, *api.Request, control.Place) (setup.Change, error)
}

func subscriptionControls(_ Deps) []api.Route {
	const path = ofOwner + "/subscriptions/{subscription}/"
	out := []api.Route{{
		Method: http.MethodPost, Path: path + "replay", ID: "replaySubscription",
		Summary: "Have a subscription deliver everything again from an event on; without order at most 10,000 at once, which dry_run counts first",
		Query:   []api.Param{counting()},
		Body:    &api.Body{Type: reflect.TypeFor[Beginning](), Media: []string{api.JSON}, Example: json.RawMessage(`{"from": "2026-11-01T00:00:00Z"}`)},
		Answer: api.Answer{
			Status: http.StatusOK, Type: reflect.TypeFor[Resending](), Example: json.RawMessage(shownResending),
			Bare: http.StatusNoContent,
		},
		Serve: replay,
	}}
	for _, a := range []asks{
		{
			word: "pause", summary: "Have a subscription in order begin nothing new",
			do: func(ctx context.Context, r *api.Request, at control.Place) (setup.Change, error) {
				return r.Store.Pause(ctx, at)
			},
		},
		{
			word: "resume", summary: "Have a paused subscription go on where it stopped",
			do: func(ctx context.Context, r *api.Request, at control.Place) (setup.Change, error) {
				return r.Store.Resume(ctx, at)
			},
		},
		{
			word: "skip", summary: "Give up the failed delivery that holds up a subscription in order",
			body: &api.Body{Type: reflect.TypeFor[Skipped](), Media: []string{api.JSON}, Example: json.RawMessage(`{"account": "A-1001"}`)},
			do: func(ctx context.Context, r *api.Request, at control.Place) (setup.Change, error) {
				var want Skipped
				if err := decode(r, &want); err != nil {
					return setup.Change{}, err
				}
				return r.Store.Skip(ctx, at, control.Skip{Delivery: want.Delivery, Account: want.Account})
			},
		},
	} {
		out = append(out, api.Route{
			Method: http.MethodPost, Path: path + a.word, ID: a.word + "Subscription", Summary: a.summary, Body: a.body,
			Answer: api.Answer{Status: http.StatusNoContent}, Errors: []int{http.StatusUnprocessableEntity},
			Serve: func(ctx context.Context, r *api.Request) (*api.Reply, error) {
				_, err := a.do(ctx, r, control.Place{Owner: r.Owner, Subscription: r.Path("subscription")})
				return &api.Reply{}, addressed(err)
			},
		})
	}
	for i := range out {
		out[i].Tag, out[i].Verb, out[i].On = string(access.Subscriptions), access.Control, access.Subscriptions
	}
	return out
}
